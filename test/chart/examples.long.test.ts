import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyturn } from "../support/cli.ts";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { CHART, EXAMPLES, HELMS, objectsOf, render, run } from "./helm.ts";

let folder: string;
beforeAll(async () => {
  for (const name of HELMS) await tool(name);
  folder = await mkdtemp(join(tmpdir(), "kt-examples-"));
}, BUILD_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The two helms write labels and comments alike; the order of what they install may differ. */
const sorted = (manifest: string): unknown[] =>
  objectsOf(manifest).toSorted((a, b) =>
    `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`, "en"),
  );

describe.each(EXAMPLES)("the example $name", ({ name, file }) => {
  it.each(HELMS)("passes the strict lint of %s", async (helm) => {
    const { code, stdout, stderr } = await run(helm, "lint", "--strict", CHART, "--values", file);
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: expect.stringContaining("0 chart(s) failed") });
  });

  it("is rendered, and alike by helm 3 and 4", async () => {
    const [three, four] = [await render("helm", "--values", file), await render("helm4", "--values", file)];
    expect({ code: three.code, stderr: three.stderr }).toEqual({ code: 0, stderr: "" });
    expect({ code: four.code, stderr: four.stderr }).toEqual({ code: 0, stderr: "" });
    expect(sorted(four.stdout)).toEqual(sorted(three.stdout));
  });

  it("has a configuration that keyturn accepts", async () => {
    const { stdout } = await render("helm", "--values", file);
    const texts = objectsOf(stdout).flatMap(({ kind, data }) =>
      kind === "ConfigMap" ? (data?.["keyturn.yaml"] ?? []) : [],
    );
    // Somebody else's ConfigMap is not the chart's.
    expect(texts).toHaveLength(name === "existing-config" ? 0 : 1);
    for (const text of texts) {
      const config = join(folder, `${name}.yaml`);
      await writeFile(config, text);
      const checked = await keyturn(["config", "check", "--config", config]);
      expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 0, stderr: "" });
    }
  });

  it("never has a pod that may do more than the others", async () => {
    const pods = objectsOf((await render("helm", "--values", file)).stdout).flatMap(podsOf);
    expect(pods.length).toBeGreaterThanOrEqual(2); // a workload and the test
    for (const pod of pods) {
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])])
        expect([container.name, container.securityContext]).toEqual([
          container.name,
          expect.objectContaining({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          }),
        ]);
    }
  });
});

interface Pod {
  securityContext: object;
  containers: { name: string; securityContext: object }[];
  initContainers?: { name: string; securityContext: object }[];
}
function podsOf({ kind, spec }: { kind: string; spec?: unknown }): Pod[] {
  if (kind === "Pod") return [spec as Pod];
  if (kind === "Deployment") return [(spec as { template: { spec: Pod } }).template.spec];
  if (kind !== "CronJob") return [];
  return [(spec as { jobTemplate: { spec: { template: { spec: Pod } } } }).jobTemplate.spec.template.spec];
}

describe("the chart without values", () => {
  it.each(HELMS)("passes the strict lint of %s: nothing but what people must say is missing", async (helm) => {
    const { code, stdout, stderr } = await run(helm, "lint", "--strict", CHART);
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: expect.stringContaining("0 chart(s) failed") });
  });

  it.each(HELMS)("is refused by %s, which says what people must say", async (helm) => {
    const { code, stderr } = await render(helm);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/config\.anthropic\.adminKey is missing[\s\S]*config\.redis is missing/);
  });
});

describe("the version of Kubernetes", () => {
  const minimal = ["--values", join(CHART, "ci/default-minimal-values.yaml")];

  it.each(HELMS)("is too old for %s below 1.29", async (helm) => {
    const { code, stderr } = await render(helm, ...minimal, "--kube-version", "1.28.15");
    expect(stderr).toContain("requires kubeVersion: >=1.29.0-0");
    expect(code).not.toBe(0);
  });

  it.each(HELMS)("may have a vendor's ending for %s", async (helm) => {
    const { code, stderr } = await render(helm, ...minimal, "--kube-version", "1.29.3-eks-aeac579");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("as a part of another chart", () => {
  it.each(HELMS)("%s finds its switch and its global values", async (helm) => {
    const parent = await mkdtemp(join(folder, "parent-"));
    await writeFile(
      join(parent, "Chart.yaml"),
      `apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies: [{ name: keyturn, version: "*", repository: "file://${CHART}", condition: keyturn.enabled }]\n`,
    );
    await run(helm, "dependency", "update", "--skip-refresh", parent);
    const values = ["--values", join(CHART, "ci/default-minimal-values.yaml")];
    const inside = join(parent, "values.yaml");
    await writeFile(inside, "global: { region: eu }\nkeyturn: { enabled: false }\n");
    const off = await run(helm, "template", "platform", parent, ...values);
    expect({ code: off.code, stdout: off.stdout.trim() }).toEqual({ code: 0, stdout: "" });
    await writeFile(inside, "global: { region: eu }\nkeyturn: { enabled: true }\n");
    const on = await run(helm, "template", "platform", parent);
    expect(on.stderr).toContain("config.anthropic.adminKey is missing");
  });
});
