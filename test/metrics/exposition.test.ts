import { describe, expect, it } from "vitest";
import { createCounter } from "../../src/metrics/counters.ts";
import { gauge, render } from "../../src/metrics/exposition.ts";
import { makeKey } from "../support/keys.ts";

const one = (labels: Record<string, string>, value = 1) => render([gauge("m", "Help.", [{ labels, value }])]);

describe("the text of a scrape", () => {
  it("has help, type and one line per series", () => {
    expect(
      render([gauge("m_seconds", "Help.", 2.5), gauge("n", "More.", [{ labels: { a: "x", b: "y" }, value: 1 }])]),
    ).toBe(
      '# HELP m_seconds Help.\n# TYPE m_seconds gauge\nm_seconds 2.5\n# HELP n More.\n# TYPE n gauge\nn{a="x",b="y"} 1\n',
    );
  });

  it("a metric without a value is not there at all, so that what is gone is gone", () => {
    expect(render([gauge("m", "Help.", null), gauge("n", "Help.", [])])).toBe("");
    expect(one({}, Number.NaN)).toBe("");
  });

  it.each([
    ['a "quoted" name', 'm{a="a \\"quoted\\" name"} 1'],
    ["back\\slash", 'm{a="back\\\\slash"} 1'],
    ["two\nlines", 'm{a="two\\nlines"} 1'],
  ])("escapes %j", (value, line) => expect(one({ a: value })).toContain(`${line}\n`));

  it("of two samples with the same labels the last counts: a duplicate would spoil the whole scrape", () => {
    const twice = [1, 2].map((value) => ({ labels: { a: "x" }, value }));
    expect(render([gauge("m", "Help.", twice)])).toMatch(/\nm\{a="x"\} 2\n$/);
  });

  it("P3: a key that somebody made a name of is not shown", () => {
    const key = makeKey("metrics");
    const text = one({ target: `rule:files/${key}` });
    expect(text).not.toContain(key);
    expect(text).toContain('target="[key]"');
  });
});

describe("a counter", () => {
  it("known series are there with 0 before anything happened, because a first 1 is no increase", () => {
    const counter = createCounter("c_total", "Help.", [{ code: "401" }]);
    expect(counter.family().samples).toEqual([{ labels: { code: "401" }, value: 0 }]);
    counter.add({ code: "401" });
    counter.add({ code: "200" });
    expect(counter.family().samples.map((s) => [s.labels["code"], s.value])).toEqual([
      ["401", 1],
      ["200", 1],
    ]);
  });

  it("the order of labels makes no other series", () => {
    const counter = createCounter("c_total", "Help.", []);
    counter.add({ a: "1", b: "2" });
    counter.add({ b: "2", a: "1" });
    expect(counter.family().samples).toMatchObject([{ value: 2 }]);
  });

  it("never has more than 500 series and `other`, and loses no count", () => {
    const counter = createCounter("c_total", "Help.", []);
    for (let n = 0; n < 2000; n++) counter.add({ event: `event-${n}` });
    counter.add({ event: "event-7" });
    const { samples } = counter.family();
    expect(samples).toHaveLength(501);
    expect(samples.reduce((sum, s) => sum + s.value, 0)).toBe(2001);
    expect(samples.find((s) => s.labels["event"] === "event-7")?.value).toBe(2);
    expect(samples.find((s) => s.labels["event"] === "other")?.value).toBe(1500);
  });
});
