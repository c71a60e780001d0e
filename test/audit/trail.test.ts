import { jsServer } from "../redis/harness.ts";
import { trailContract } from "./trail.contract.ts";

trailContract("js-redis-server", jsServer);
