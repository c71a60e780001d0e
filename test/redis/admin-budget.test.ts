import { adminBudgetContract } from "./admin-budget.contract.ts";
import { jsCluster, jsServer } from "./harness.ts";

adminBudgetContract("js-redis-server", jsServer);
adminBudgetContract("js-redis-server as a cluster", jsCluster);
