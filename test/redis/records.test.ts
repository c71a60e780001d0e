import { jsCluster, jsServer } from "./harness.ts";
import { recordsContract } from "./records.contract.ts";

recordsContract("js-redis-server", jsServer);
recordsContract("js-redis-server as a cluster", jsCluster);
