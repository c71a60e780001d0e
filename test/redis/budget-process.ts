import { createInterface } from "node:readline";
import { createKeyAdmin } from "../../src/anthropic/key-admin.ts";
import { systemClock } from "../../src/clock.ts";
import { createAdminBudget } from "../../src/redis/admin-budget.ts";
import { connectRedis } from "../../src/redis/connect.ts";
import { SecretText } from "../../src/rotation/secret.ts";

/**
 * A process that asks the Admin API as fast as the shared budget lets it, until it is killed. On each line of stdin it
 * sets the key of that id inactive as a rotation does, and prints how many milliseconds that took.
 */
const [redisUrl = "", apiUrl = "", perMinute = "", what = "", keyId = ""] = process.argv.slice(2);
const { client } = await connectRedis({ url: redisUrl }, { role: "producer" });
const budget = createAdminBudget({
  redis: () => Promise.resolve(client),
  install: "kt",
  requestsPerMinute: Number(perMinute),
  clock: systemClock,
});
const admin = createKeyAdmin({
  baseUrl: apiUrl,
  adminKey: () => SecretText.from(process.env["ADMIN_KEY"] ?? ""),
  clock: systemClock,
  budget,
});
const forever = async (work: () => Promise<unknown>) => {
  for (;;) await work().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
};
const scan = async () => {
  for await (const page of admin.listKeys()) if (page.length === 0) return;
};
const work = what === "scan" ? scan : () => admin.getKey(keyId);
for (let n = 0; n < (what === "idle" ? 0 : 8); n += 1) void forever(work);
process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const began = performance.now();
  await budget.take(3, "urgent");
  await admin.setKeyStatus(line, "inactive", { timeoutMs: 10_000, notAfter: Date.now() + 10_000 });
  process.stdout.write(`${Math.round(performance.now() - began)}\n`);
}
