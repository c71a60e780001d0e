import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { promtool } from "../alerts/promtool.ts";
import { RULES } from "../alerts/rules.ts";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { CHART, objectsOf, render } from "./helm.ts";

let folder: string;
beforeAll(async () => {
  await tool("helm");
  folder = await mkdtemp(join(tmpdir(), "kt-chart-rules-"));
}, BUILD_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface RuleSpec {
  groups: { name: string; rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
}

async function rules(...set: readonly string[]): Promise<RuleSpec> {
  const on = ["enabled=true", "renderMode=alwaysRender", ...set].map((each) => `metrics.prometheusRule.${each}`);
  const { stdout, stderr } = await render(
    "helm",
    "--values",
    join(CHART, "ci/default-minimal-values.yaml"),
    "--set",
    on.join(","),
  );
  const found = objectsOf(stdout).find(({ kind }) => kind === "PrometheusRule");
  if (found === undefined) throw new Error(stderr);
  return found.spec as RuleSpec;
}
const alertsOf = ({ groups }: RuleSpec): string[] => groups.flatMap((group) => group.rules.map((rule) => rule.alert));

describe("the PrometheusRule", () => {
  it("has the rules of alerts/keyturn.rules.yaml, as they are", async () => {
    const { groups } = await rules();
    expect(groups.flatMap((group) => group.rules)).toEqual(RULES);
  });

  it("is accepted by promtool", async () => {
    const file = join(folder, "rules.yaml");
    await writeFile(file, stringify(await rules("runbookBaseUrl=https://wiki.example.com/runbook")));
    const { code, output } = await promtool(["check", "rules", file]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`${RULES.length} rules found`) });
  });

  it.each([...new Set(RULES.map((rule) => rule.alert))])("%s can be switched off, alone", async (alert) => {
    const left = alertsOf(await rules(`alerts.${alert}=false`));
    expect(left).toEqual(RULES.map((rule) => rule.alert).filter((each) => each !== alert));
  });
});

it("the dashboard is the file, byte for byte", async () => {
  const args = ["--values", join(CHART, "ci/network-policy-monitoring-values.yaml")];
  const map = objectsOf((await render("helm", ...args)).stdout).find(({ metadata }) =>
    metadata.name.endsWith("-dashboard"),
  );
  expect(map?.data?.["keyturn.json"]?.trimEnd()).toBe(
    readFileSync(join(CHART, "dashboards/keyturn.json"), "utf8").trimEnd(),
  );
});
