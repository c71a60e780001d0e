import { describe, expect, it } from "vitest";
import { createHistogram } from "../../src/metrics/histogram.ts";
import { render } from "../../src/metrics/exposition.ts";

const lines = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

describe("a histogram", () => {
  it("has cumulative buckets, a sum and a count for each set of labels; a bound belongs to its bucket", () => {
    const h = createHistogram("h_seconds", "Help.", [0.5, 2], []);
    for (const seconds of [0.1, 0.5, 1, 60]) h.observe({ operation: "read" }, seconds);
    expect(lines(render([h.family()]))).toEqual([
      'h_seconds_bucket{operation="read",le="0.5"} 2',
      'h_seconds_bucket{operation="read",le="2"} 3',
      'h_seconds_bucket{operation="read",le="+Inf"} 4',
      'h_seconds_sum{operation="read"} 61.6',
      'h_seconds_count{operation="read"} 4',
    ]);
    expect(render([h.family()])).toContain("# TYPE h_seconds histogram\n");
  });

  it("known series are there with 0; without any series there is nothing", () => {
    expect(lines(render([createHistogram("h", "Help.", [1], [{ a: "x" }]).family()]))).toContain('h_count{a="x"} 0');
    expect(render([createHistogram("h", "Help.", [1]).family()])).toBe("");
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a clock that went back (%d) spoils no sum", (seconds) => {
    const h = createHistogram("h", "Help.", [1]);
    h.observe({}, seconds);
    h.observe({}, 2);
    expect(lines(render([h.family()]))).toEqual([
      'h_bucket{le="1"} 1',
      'h_bucket{le="+Inf"} 2',
      "h_sum 2",
      "h_count 2",
    ]);
  });

  it("never has more than 500 series and `other`, and loses no observation", () => {
    const h = createHistogram("h", "Help.", [1]);
    for (let n = 0; n < 700; n++) h.observe({ operation: `operation-${n}` }, 1);
    const counts = lines(render([h.family()])).filter((line) => line.startsWith("h_count"));
    expect(counts).toHaveLength(501);
    expect(counts).toContain('h_count{operation="other"} 200');
  });
});
