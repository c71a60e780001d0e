import { realServer } from "../redis/harness.ts";
import { verifyContract } from "./verify.contract.ts";

verifyContract("redis-server", realServer);
