import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { POLICY } from "../e2e/installation.ts";
import { keyturn } from "../support/cli.ts";
import { makeKey } from "../support/keys.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { findings } from "./search.ts";

let redis: RedisServer;
let lab: Lab;
beforeAll(async () => {
  process.env["KEYTURN_LOG_LEVEL"] ??= "silent";
  redis = await startRedisServer();
  lab = await startLab(redis.url, { policy: POLICY });
});
afterAll(async () => {
  await lab.close();
  await redis.stop();
});

const control = { name: "kept on purpose", text: makeKey("kept") };

/** A process that runs these lines and then shows its memory. */
async function memoryAfter(lines: readonly (readonly string[])[], stdin = ""): Promise<Buffer> {
  const file = join(lab.dir, "memory.heapsnapshot");
  const words = lines.flatMap((line, i) => [...(i === 0 ? [] : ["--"]), ...line, "--config", lab.configFile]);
  const child = spawn(process.execPath, [join(import.meta.dirname, "heap-process.ts"), file, ...words], {
    stdio: ["pipe", "ignore", "inherit"],
    env: { ...process.env, KEEP: control.text },
  });
  child.stdin.end(stdin);
  await once(child, "close");
  return readFile(file);
}

describe("P3: a heap snapshot after use holds no key", () => {
  it("after a scan, a submission, and a run that verifies, promotes and deactivates", async () => {
    const outgoing = await lab.target("billing", 100);
    const line = (...args: string[]) => keyturn([...args, "--config", lab.configFile]);
    const canaries = [
      { name: "Admin key", text: lab.sandbox.adminKey },
      { name: "outgoing key", text: outgoing.text },
    ];
    const scanned = await memoryAfter([["scan"]]);
    await line("approve", "billing");
    const made = await lab.console.createKey({ name: "replacement" });
    canaries.push({ name: "replacement", text: made.secret });
    const submitted = await memoryAfter([["submit", "billing"]], made.secret);
    const ran = await memoryAfter([["run-once"], ["show", "billing"]]);
    expect((await line("show", "billing", "--json")).stdout).toContain('"grace_period"');
    const found = [scanned, submitted, ran].map((bytes, i) =>
      findings([...canaries, control], [{ where: ["scan", "submit", "run-once"][i] ?? "", bytes }]),
    );
    // Found where it was kept on purpose, and nothing else.
    expect(found).toEqual(["scan", "submit", "run-once"].map((where) => [`kept on purpose (as it is) in ${where}`]));
  });
});
