import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../../config/duration.ts";

describe("a duration", () => {
  it.each([
    ["90d", 7_776_000_000],
    ["24h", 86_400_000],
    ["30m", 1_800_000],
    ["10s", 10_000],
    ["500ms", 500],
    ["0s", 0],
    ["2w", 1_209_600_000],
    ["1d12h", 129_600_000],
    ["1h30m15s250ms", 5_415_250],
    [" 7d ", 604_800_000],
  ])("%s is %d milliseconds", (text, ms) => expect(parseDuration(text)).toEqual({ ms }));

  it.each(["", " ", "d", "-1d", "1.5d", "1 d", "1D", "12h1d", "1d1d", "7days", "1y", "1mo", "Infinity", "1e3s"])(
    "%j is refused",
    (text) => expect(parseDuration(text)).toHaveProperty("problem"),
  );

  it.each([90, 0, -1, 1.5])("the number %d alone is refused", (number) =>
    expect(parseDuration(number)).toEqual({ problem: expect.stringContaining("has no unit") }),
  );

  it.each([null, undefined, true, [], {}])("%j is refused", (value) =>
    expect(parseDuration(value)).toHaveProperty("problem"),
  );

  it("is refused past 9999 days", () => {
    expect(parseDuration("9999d")).toEqual({ ms: 863_913_600_000 });
    expect(parseDuration("10000d")).toEqual({ problem: "is longer than 9999d" });
  });

  it("reads back as what was printed, for every number of milliseconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 863_913_600_000 }), (ms) => {
        const text = formatDuration(ms);
        expect(parseDuration(text)).toEqual({ ms });
        expect(text).toMatch(new RegExp(DURATION_PATTERN));
      }),
    );
  });

  it("is either a number of milliseconds or a problem, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = parseDuration(text);
        if ("ms" in result) expect(Number.isSafeInteger(result.ms) && result.ms >= 0).toBe(true);
        else expect(result.problem).not.toBe("");
      }),
    );
  });
});
