import { jsServer } from "../redis/harness.ts";
import { verifyContract } from "./verify.contract.ts";

verifyContract("js-redis-server", jsServer);
