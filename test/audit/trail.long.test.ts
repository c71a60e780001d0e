import { realServer } from "../redis/harness.ts";
import { trailContract } from "./trail.contract.ts";

trailContract("redis-server", realServer);
