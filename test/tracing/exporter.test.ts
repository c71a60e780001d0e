import { describe, expect, it } from "vitest";
import { SecretText } from "../../src/rotation/secret.ts";
import { type ExporterOptions, createExporter } from "../../src/tracing/exporter.ts";
import { eventually } from "../support/quiet-log.ts";

/** An exporter of numbers and what came of it. */
function exporter(given: Partial<ExporterOptions<number>> = {}) {
  const sent: number[][] = [];
  const ends = { exported: 0, dropped: 0 };
  const troubles: (string | null)[] = [];
  const status = { code: 200 as number | "hang" | "refused" };
  const made = createExporter<number>({
    url: "http://collector.example:4318/v1/traces",
    headers: () => ({}),
    encode: (items) => JSON.stringify(items),
    onEnd: (outcome, count) => (ends[outcome] += count),
    onTrouble: (code) => troubles.push(code),
    fetch: async (_url, init) => {
      const signal = init?.signal;
      if (status.code === "hang")
        await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
      if (status.code === "refused") throw new TypeError("fetch failed");
      if (status.code === 200) sent.push(JSON.parse(init?.body as string) as number[]);
      return new Response(null, { status: status.code as number });
    },
    ...given,
    limits: { everyMs: 1, longestMs: 5, atOnce: 10, kept: 50, ...given.limits },
  });
  return { ...made, sent, ends, troubles, status };
}

describe("sending spans", () => {
  it("sends batches of bounded size, everything once, in order", async () => {
    const e = exporter();
    for (let n = 0; n < 25; n++) e.add(n);
    await eventually(() => e.ends.exported === 25);
    expect(e.sent.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(e.sent.flat()).toEqual(Array.from({ length: 25 }, (_, n) => n));
    await e.close(100);
  });

  it.each(["refused", 503, 429] as const)(
    "keeps what the collector cannot take now (%s), says so once, and sends it later",
    async (how) => {
      const e = exporter();
      e.status.code = how;
      for (let n = 0; n < 5; n++) e.add(n);
      await eventually(() => e.troubles.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 30));
      e.status.code = 200;
      await eventually(() => e.ends.exported === 5);
      expect(e.troubles).toEqual([how === "refused" ? "no_answer" : `http_${how}`, null]);
      await e.close(100);
    },
  );

  it("drops what the collector refuses for good", async () => {
    const e = exporter();
    e.status.code = 400;
    e.add(1);
    await eventually(() => e.ends.dropped === 1);
    expect(e.troubles).toEqual(["http_400"]);
    await e.close(100);
  });

  it("a collector that never answers: bounded memory, nobody waits, and the end is not delayed", async () => {
    const e = exporter({ limits: { timeoutMs: 60_000 } });
    e.status.code = "hang";
    const began = performance.now();
    for (let n = 0; n < 100_000; n++) e.add(n);
    expect(e.ends.dropped).toBe(100_000 - 50);
    await e.close(50);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(e.ends).toEqual({ exported: 0, dropped: 100_000 });
    e.add(1);
    expect(e.ends.dropped).toBe(100_001);
  });

  it("closing sends what is left", async () => {
    const e = exporter({ limits: { everyMs: 60_000 } });
    for (let n = 0; n < 25; n++) e.add(n);
    await e.close(5000);
    expect(e.ends).toEqual({ exported: 25, dropped: 0 });
  });

  it("headers are read for each request; one that cannot be sent is no crash and is in no error", async () => {
    const seen: (string | null)[] = [];
    const texts = ["first", "second\nline", "third"];
    const troubles: (string | null)[] = [];
    const e = exporter({
      headers: () => ({ authorization: SecretText.from(texts.shift() ?? "none") }),
      onTrouble: (code) => troubles.push(code),
      fetch: async (_url, init) => {
        seen.push(new Headers(init?.headers).get("authorization"));
        return new Response(null, { status: 200 });
      },
    });
    e.add(1);
    await eventually(() => e.ends.exported === 1);
    e.add(2);
    await eventually(() => e.ends.exported === 2);
    expect([seen, troubles]).toEqual([
      ["first", "third"],
      ["no_answer", null],
    ]);
    await e.close(100);
  });
});
