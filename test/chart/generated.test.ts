import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chartFiles } from "../../scripts/chart/generated.ts";
import { foreignNames } from "../../scripts/chart/schema.ts";
import { type Setting, readValues } from "../../scripts/chart/values.ts";
import { RULES } from "../alerts/rules.ts";
import { CHART, EXAMPLES, MISTAKES } from "./helm.ts";

const settings = readValues(readFileSync(`${CHART}/values.yaml`, "utf8"));
const all = (some: readonly Setting[]): Setting[] => some.flatMap((each) => [each, ...all(each.inside ?? [])]);

describe("what is generated from the chart's values.yaml is fresh (else: npm run docs)", () => {
  it.each(Object.entries(chartFiles()))("%s", (file, content) => {
    expect(readFileSync(file, "utf8")).toBe(content);
  });
});

describe("the chart's values", () => {
  it("have a switch for each alert, and for none that does not exist", () => {
    const alerts = all(settings).find(({ path }) => path === "metrics.prometheusRule.alerts");
    expect(alerts?.inside?.map(({ name }) => name)).toEqual([...new Set(RULES.map((rule) => rule.alert))]);
  });

  it("do not have what the sentences about other charts' names say they have not", () => {
    const template = readFileSync(`${CHART}/templates/_validate-foreign.tpl`, "utf8");
    const own = settings.map(({ name }) => name);
    expect(foreignNames(template).filter((name) => own.includes(name))).toEqual([]);
  });

  it("are all read by a template", () => {
    const templates = globSync(`${CHART}/templates/**/*`)
      .filter((file) => /\.(yaml|tpl|txt)$/.test(file))
      .map((file) => readFileSync(file, "utf8"))
      .join("\n");
    // For charts that have this one as a part; and alerts are looked up by their names in the rules.
    const others = ["enabled", "global"];
    const unread = all(settings)
      .filter(({ inside, path }) => inside === null && !others.includes(path) && !/\.alerts\./.test(path))
      .filter(({ name }) => !new RegExp(`[.$"]${name}\\b`).test(templates));
    expect(unread.map(({ path }) => path)).toEqual([]);
  });
});

describe("the comments of values.yaml", () => {
  it.each([
    { of: "a setting without a description", text: "a:\n  b: 1\n", says: "a.b is not described" },
    { of: "a mapping without one that has nothing in it", text: "a: {}\n", says: "a is not described" },
    { of: "a word that nothing reads", text: "# -- A.\n# @shcema {minimum: 1}\na: 1\n", says: "@shcema" },
  ])("$of is refused", ({ text, says }) => expect(() => readValues(text)).toThrow(says));

  it("describe the setting below them, also the first of a section", () => {
    const read = readValues(
      "# A header.\n\na:\n  # -- First.\n  b: 1\n  # -- Second.\n  # @schema {minimum: 2}\n  c: 3\n",
    );
    expect(all(read).map(({ path, description, extra }) => [path, description, extra])).toEqual([
      ["a", "", {}],
      ["a.b", "First.", {}],
      ["a.c", "Second.", { minimum: 2 }],
    ]);
  });
});

describe("the examples and the mistakes", () => {
  it("there is an example for each way to run it", () => {
    expect(EXAMPLES.map(({ name }) => name)).toEqual(
      expect.arrayContaining(
        "default-minimal embedded job-only ha-sentinel cluster-tls aws-irsa gke azure network-policy-monitoring audit-pvc ingress-slack openshift".split(
          " ",
        ),
      ),
    );
  });

  it("every mistake begins with the sentence that answers it, and no two have the same", () => {
    expect(MISTAKES.length).toBeGreaterThanOrEqual(20);
    for (const { name, sentence } of MISTAKES)
      expect([name, sentence]).toEqual([name, expect.stringMatching(/^\S.{20,}/)]);
    expect(new Set(MISTAKES.map(({ sentence }) => sentence)).size).toBe(MISTAKES.length);
  });
});
