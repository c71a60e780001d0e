import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, startKubernetes } from "../support/servers/kubernetes.ts";
import { everything, makeNamespace } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { HELMS, helmFor, objectsOf } from "./helm.ts";

// A cluster without the Prometheus operator.
let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes();
}, BUILD_TIMEOUT_MS);
afterAll(() => kubernetes?.stop());

const MONITORS = ["serviceMonitor", "podMonitor", "prometheusRule"] as const;
type Monitor = (typeof MONITORS)[number];
const set = (each: Monitor, how: string) => ["--set", `metrics.${each}.enabled=true,metrics.${each}.renderMode=${how}`];
const minimal = valuesFiles().find(({ name }) => name === "default-minimal")!.args;

describe.each(HELMS)("%s, in a cluster that does not know the Prometheus operator's kinds", (line) => {
  const install = async (namespace: string, args: readonly string[]) => {
    await makeNamespace(kubernetes, namespace);
    const before = await everything(kubernetes);
    const helm = await helmFor(line, kubernetes);
    try {
      const run = await helm.run("install", "release", CHART, "--namespace", namespace, ...args);
      const made = (await everything(kubernetes)).filter((each) => !before.includes(each));
      const manifest = run.code === 0 ? await helm.ok("get", "manifest", "release", "--namespace", namespace) : "";
      return { ...run, made, kinds: objectsOf(manifest).map(({ kind }) => kind) };
    } finally {
      await helm.remove();
    }
  };

  it.each(MONITORS)("the chart leaves out the %s when it is told to skip it", async (each) => {
    const args = [...minimal, ...set(each, "skipIfMissing")];
    const { code, stderr, kinds } = await install(`${line}-skip-${each.toLowerCase()}`, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(kinds).toContain("Deployment");
    expect(kinds.filter((kind) => /Monitor|PrometheusRule/.test(kind))).toEqual([]);
  });

  it.each(MONITORS)(
    "the chart says what to do about the %s when it is told to fail, and makes nothing",
    async (each) => {
      const args = [...minimal, ...set(each, "failIfMissing")];
      const { code, stderr, made } = await install(`${line}-fail-${each.toLowerCase()}`, args);
      expect(code).not.toBe(0);
      expect(stderr).toContain(`metrics.${each}.enabled is true, but this cluster does not know`);
      expect(made).toEqual([]);
    },
  );

  it.each(MONITORS)("helm itself refuses the %s when the chart is told to render it always", async (each) => {
    const args = [...minimal, ...set(each, "alwaysRender")];
    const { code, stderr } = await install(`${line}-always-${each.toLowerCase()}`, args);
    expect(code).not.toBe(0);
    expect(stderr).toContain("monitoring.coreos.com/v1");
  });

  it("without values the chart names what has to be set, and makes nothing", async () => {
    const { code, stderr, made } = await install(`${line}-nothing`, []);
    expect(code).not.toBe(0);
    expect(stderr).toContain("config.anthropic.adminKey is missing");
    expect(stderr).toContain("config.redis is missing");
    expect(made).toEqual([]);
  });
});
