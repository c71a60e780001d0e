import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { closeInOrder, untilSignal } from "../../src/cli/shutdown.ts";
import { listeningLog } from "../support/quiet-log.ts";

describe("an orderly end", () => {
  it.each(["SIGTERM", "SIGINT"])("%s starts it; a second signal is impatience", async (signal) => {
    const signals = new EventEmitter();
    let impatient = 0;
    const got = untilSignal({ signals, impatient: () => (impatient += 1) });
    signals.emit(signal);
    expect(await got).toBe(signal);
    signals.emit("SIGINT");
    expect(impatient).toBe(1);
  });

  it("what ends by itself listens to signals no more", async () => {
    const signals = new EventEmitter();
    const ended = new AbortController();
    const got = untilSignal({ signals, ended: ended.signal, impatient: () => undefined });
    ended.abort();
    expect(await got).toBe("ended");
    expect(signals.eventNames()).toEqual([]);
  });

  it("parts end one after another; one that fails or hangs does not keep the others", async () => {
    const log = listeningLog();
    const order: string[] = [];
    const steps = [
      { name: "http", close: async () => void order.push("http") },
      { name: "worker", close: () => Promise.reject(new Error("canary")) },
      { name: "queue", close: () => new Promise<void>(() => {}) },
      { name: "redis", close: async () => void order.push("redis") },
    ];
    expect(await closeInOrder(steps, { deadlineMs: 50, log })).toBe(false);
    expect(order).toEqual(["http", "redis"]);
    expect(log.lines.map((line) => [line.fields["part"], line.fields["code"]])).toEqual([
      ["worker", "INTERNAL"],
      ["queue", "LATE"],
    ]);
    expect(JSON.stringify(log.lines)).not.toContain("canary");
  });

  it("says when everything ended in time", async () => {
    expect(
      await closeInOrder([{ name: "http", close: async () => undefined }], { deadlineMs: 1000, log: listeningLog() }),
    ).toBe(true);
  });
});
