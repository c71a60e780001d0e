import { describe, expect, it, onTestFinished, vi } from "vitest";
import { withLogFields } from "../../src/app/log-fields.ts";
import { createLog } from "../../src/cli/log.ts";
import { isCollected } from "../../src/cli/main.ts";
import { makeKey } from "../support/keys.ts";

/** What is written while `work` runs. */
async function written(work: (log: ReturnType<typeof createLog>) => unknown): Promise<Record<string, unknown>[]> {
  vi.stubEnv("KEYTURN_LOG_LEVEL", "debug");
  const spy = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  onTestFinished(() => {
    spy.mockRestore();
    vi.unstubAllEnvs();
  });
  await work(createLog("info"));
  return spy.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);
}
const ABOUT = { rotation: "rot_1", target: "billing", step: "promoting", attempt: 2 };

describe("a log line", () => {
  it("is one JSON object with level, time, service, version, event and a sentence", async () => {
    const [line] = await written((log) => log.info({ event: "serve.ready" }, "ready"));
    expect(line).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      service: "keyturn",
      version: expect.any(String) as string,
      event: "serve.ready",
      msg: "ready",
    });
  });

  it("of an adapter that knows of no rotation has the fields of the step it was said in, also after waiting", async () => {
    const lines = await written(async (log) => {
      await withLogFields(ABOUT, async () => {
        await Promise.resolve();
        log.warn({ event: "admin.retried", tries: 2 }, "again");
        await withLogFields({ trace_id: "t" }, async () => log.warn({ event: "redis.trouble" }, "away"));
      });
      log.warn({ event: "redis.trouble" }, "away");
    });
    expect(lines[0]).toMatchObject({ ...ABOUT, event: "admin.retried", tries: 2 });
    expect(lines[1]).toMatchObject({ ...ABOUT, trace_id: "t" });
    expect(lines[2]).not.toHaveProperty("rotation");
  });

  it("what it says itself counts; one about another rotation takes nothing of the step it was said in", async () => {
    const lines = await written((log) =>
      withLogFields(ABOUT, async () => {
        log.info({ event: "rotation.promoted", ...ABOUT, attempt: 3 }, "moved");
        log.info({ event: "click.refused", rotation: "rot_2" }, "refused");
      }),
    );
    expect(lines[0]).toMatchObject({ ...ABOUT, attempt: 3 });
    expect(lines[1]).toMatchObject({ rotation: "rot_2" });
    for (const field of ["target", "step", "attempt"]) expect(lines[1]).not.toHaveProperty(field);
  });

  it("P3: a key shows as [key], wherever in the line it is", async () => {
    const key = makeKey("log");
    const lines = await written((log) =>
      withLogFields({ target: `rule:${key}` }, async () => {
        log.error({ event: "x", reason: key, deep: { list: [key] }, err: new Error(key) }, `failed with ${key}`);
      }),
    );
    expect(JSON.stringify(lines)).not.toContain(key);
    expect(lines[0]).toMatchObject({ target: "rule:[key]", reason: "[key]", msg: "failed with [key]" });
  });
});

describe("whose log is collected", () => {
  const atTerminal = { isTTY: true };
  const inPod = { pid: 1, ppid: 0, stderr: {} };
  const executed = { pid: 17, ppid: 0, stderr: {} };
  const byCron = { pid: 400, ppid: 399, stderr: {} };

  it("a server's, wherever it runs", () => {
    for (const where of [inPod, executed, { ...byCron, stderr: atTerminal }])
      expect(isCollected({ collected: "always" }, where)).toBe(true);
  });

  it("a scan's of a CronJob, and not of a person: by `kubectl exec`, or in a terminal", () => {
    const scan = { collected: "unattended" } as const;
    expect([inPod, byCron].map((where) => isCollected(scan, where))).toEqual([true, true]);
    expect(isCollected(scan, executed)).toBe(false);
    expect(isCollected(scan, { ...byCron, stderr: atTerminal })).toBe(false);
  });

  it("not that of a decision: it speaks to a person", () => {
    expect(isCollected({}, inPod)).toBe(false);
  });
});
