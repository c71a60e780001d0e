import { Redis } from "ioredis";
import type { Clock } from "../../src/ports/clock.ts";
import { aDraft, aProcess } from "../redis/harness.ts";

/**
 * A process of its own for the crash test: appends and syncs for ever, and says on stdout what was synced. It is
 * ended by SIGKILL. Arguments: socket, file, name.
 */
const [, , socket = "", file = "", name = ""] = process.argv;
const clock: Clock = { now: () => Date.now(), sleep: async () => undefined };
const redis = new Redis({ path: socket, maxRetriesPerRequest: 20 });
const { trail } = aProcess(redis, file, "kt", clock);
for (let n = 0; ; n += 1) {
  await trail.append([aDraft({ evidence: { fact: `${name}:${n}` } })]);
  if (n % 3 === 0) await trail.reconcile();
  await trail.sync();
  process.stdout.write(`${name}:${n}\n`);
}
