import { realServer } from "./harness.ts";
import { recordsContract } from "./records.contract.ts";

recordsContract("redis-server", realServer);
