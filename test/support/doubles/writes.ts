/** What was written to the world outside, in order: `redis: commit rot_1`, `store: stage billing.env` … A dry run leaves it empty. */
export type Writes = string[];
