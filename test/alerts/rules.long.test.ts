import { describe, expect, it } from "vitest";
import { CASES } from "./cases.ts";
import { promtool, testRules, wordsOf } from "./promtool.ts";
import { RULES, RULES_FILE } from "./rules.ts";

describe("alerts", () => {
  it("the rules are well-formed", async () => {
    const { code, output } = await promtool(["check", "rules", RULES_FILE]);
    expect([code, output]).toEqual([0, expect.stringContaining(`${RULES.length} rules found`)]);
    expect(output).not.toContain("lint error");
  });

  it.each(CASES)("Keyturn$alert: $when (fires: $fires)", async ({ alert, series, at, fires, severity }) => {
    const firing = `count by (alertname) (ALERTS{alertname="Keyturn${alert}",alertstate="firing"})`;
    const expected = [{ expr: firing, is: fires ? [{ labels: `{alertname="Keyturn${alert}"}`, value: 1 }] : [] }];
    // Two severities of one alert may fire at once; the named one is among them.
    const bySeverity = `count(ALERTS{alertname="Keyturn${alert}",alertstate="firing",severity="${severity}"})`;
    const { code, output } = await testRules(
      series,
      at,
      severity === undefined ? expected : [{ expr: bySeverity, is: [{ labels: "{}", value: 1 }] }],
    );
    expect([code, output]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });

  it.each(CASES.filter((c) => c.fires))("Keyturn$alert: $when: says so in whole sentences", async (c) => {
    const words = await wordsOf(c.series, c.at, `Keyturn${c.alert}`);
    expect(words).toContain("runbook_url=");
    expect(words).not.toMatch(/error expanding|no value|\{\{|%!/);
    if (Object.keys(c.series).some((name) => name.includes('target="billing"'))) expect(words).toContain("billing");
  });

  it("every alert is seen firing and not firing", () => {
    const seen = (fires: boolean) => [
      ...new Set(CASES.filter((c) => c.fires === fires).map((c) => `Keyturn${c.alert}`)),
    ];
    const all = [...new Set(RULES.map((rule) => rule.alert))].toSorted();
    expect(seen(true).toSorted()).toEqual(all);
    expect(seen(false).toSorted()).toEqual(all);
  });
});
