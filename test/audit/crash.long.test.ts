import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Server, aFolder, aProcess, realServer } from "../redis/harness.ts";

const PROGRAM = join(import.meta.dirname, "writer-process.ts");

describe("P7, P8, P11: writers killed at random over a shared file", () => {
  let server: Server;
  let folder: Awaited<ReturnType<typeof aFolder>>;
  const children = new Set<ChildProcess>();
  beforeEach(async () => {
    server = await realServer();
    folder = await aFolder();
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
    await folder.remove();
  });

  it.each([
    { when: "Redis stays", flush: false },
    { when: "Redis is emptied meanwhile", flush: true },
  ])("$when: the chain is intact and holds everything that was synced", { timeout: 120_000 }, async ({ flush }) => {
    const file = join(folder.path, "audit.jsonl");
    const redis = server.connect();
    const promised = new Set<string>();
    let names = 0;

    /** Starts a writer, kills it after it has promised `count` entries. */
    async function liveAndDie(count: number): Promise<void> {
      const child = spawn(process.execPath, [PROGRAM, redis.options.path ?? "", file, `w${names++}`], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.add(child);
      let seen = 0;
      let rest = "";
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        const lines = `${rest}${chunk.toString()}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) promised.add(line);
        seen += lines.length;
        if (seen >= count) child.kill("SIGKILL");
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      children.delete(child);
    }

    const lane = async (lengths: readonly number[]) => {
      for (const length of lengths) await liveAndDie(length);
    };
    const lanes = Promise.all([lane([20, 1, 35, 7]), lane([5, 40, 3, 11]), lane([13, 2, 50, 4])]);
    if (flush) {
      for (const at of [60, 120]) {
        while (promised.size < at) await pause(5);
        await redis.flushall();
      }
    }
    await lanes;

    const last = aProcess(server.connect(), file);
    await last.trail.reconcile();
    const verdict = await last.trail.verify();
    expect(verdict).toMatchObject({ intact: true });
    const facts = new Set<string>();
    for await (const entry of last.trail.entries()) facts.add(String(entry.evidence["fact"]));
    expect([...promised].filter((fact) => !facts.has(fact))).toEqual([]);
    expect(promised.size).toBeGreaterThan(150);
    await last.trail.close();
  });
});
