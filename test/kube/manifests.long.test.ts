import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { type Kubernetes, type KubernetesObject, startKubernetes } from "../support/servers/kubernetes.ts";
import { makeNamespace, nameOf, tryApply } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { installMonitoringCrds } from "./crds.ts";
import { HELMS, type Helm, helmFor, objectsOf } from "./helm.ts";
import { makeWhatIsNamed } from "./pods.ts";
import { writeSchemas } from "./schemas.ts";

const MISTAKES = "mistakes";
let kubernetes: Kubernetes;
let kubeconform: (manifest: string) => Promise<string[]>;
let folder: string;
const helms = new Map<string, Helm>();

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await makeNamespace(kubernetes, MISTAKES);
  await installMonitoringCrds(kubernetes);
  for (const name of HELMS) helms.set(name, await helmFor(name, kubernetes));
  folder = await mkdtemp(join(tmpdir(), "kt-manifests-"));
  kubeconform = complaintsOfKubeconform(await tool("kubeconform"), await writeSchemas(kubernetes, folder), folder);
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  for (const helm of helms.values()) await helm.remove();
  await kubernetes?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe.each(valuesFiles())("the manifests of the values '$name'", ({ name: namespace, args }) => {
  const rendered = { helm: "", helm4: "" };

  beforeAll(async () => {
    await makeNamespace(kubernetes, namespace);
    // `--dry-run=server`: the chart sees what this cluster can do. Hooks are included.
    const where = ["template", "release", CHART, "--namespace", namespace, "--dry-run=server", ...args];
    for (const line of HELMS) rendered[line] = await helms.get(line)!.ok(...where);
  });

  it("are all accepted by the apiserver, which finds no unknown or deprecated field and no pod to warn of", async () => {
    const objects = objectsOf(rendered.helm);
    expect(objects).not.toEqual([]);
    // Nothing of it is stored, so the test's pod needs its account from elsewhere.
    const others = objects.filter(({ kind }) => kind !== "ServiceAccount");
    await makeWhatIsNamed(kubernetes, others, namespace);
    for (const object of objects) {
      const { status, warnings, body } = await tryApply(kubernetes, object, namespace);
      const refusal = status === 200 || status === 201 ? null : body;
      expect({ of: nameOf(object, namespace), refusal, warnings }).toEqual({
        of: nameOf(object, namespace),
        refusal: null,
        warnings: [],
      });
    }
  });

  it("have no field that is not in the apiserver's own schemas, as kubeconform reads them", async () => {
    expect(await kubeconform(rendered.helm)).toEqual([]);
  });

  it("are the same from helm 3 and from helm 4", () => {
    const sorted = (objects: KubernetesObject[]) =>
      objects.toSorted((a, b) => nameOf(a, namespace).localeCompare(nameOf(b, namespace)));
    expect(sorted(objectsOf(rendered.helm4))).toEqual(sorted(objectsOf(rendered.helm)));
  });
});

describe("a mistake in a manifest is found", () => {
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "wrong" } };
  const monitor = { apiVersion: "monitoring.coreos.com/v1", kind: "ServiceMonitor", metadata: { name: "wrong" } };
  it.each([
    { mistake: "a misspelt field", object: { ...service, spec: { ports: [{ port: 80, targetport: 8080 }] } } },
    { mistake: "a number that has to be text", object: { ...service, spec: { ports: [{ port: 80 }], type: 3 } } },
    {
      mistake: "a misspelt field of a custom resource",
      object: { ...monitor, spec: { selector: {}, endpoints: [{ port: "http", every: "1m" }] } },
    },
    { mistake: "a missing field of a custom resource", object: { ...monitor, spec: { selector: {} } } },
  ])("$mistake: by the apiserver and by kubeconform", async ({ object }) => {
    expect((await tryApply(kubernetes, object, MISTAKES)).status).toBeGreaterThanOrEqual(400);
    expect(await kubeconform(stringify(object))).toHaveLength(1);
  });

  it("a pod that may run as root: by the apiserver, as a warning", async () => {
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "a", image: "a" }] } };
    const spec = { selector: { matchLabels: { a: "b" } }, template };
    const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "wrong" }, spec };
    const { status, warnings } = await tryApply(kubernetes, object, MISTAKES);
    expect(status).toBe(201);
    expect(warnings).toEqual([expect.stringContaining("would violate PodSecurity")]);
  });
});

function complaintsOfKubeconform(file: string, schemas: string, scratch: string) {
  return async (manifest: string): Promise<string[]> => {
    const path = join(scratch, "manifest.yaml");
    await writeFile(path, manifest);
    const args = ["-strict", "-output", "json", "-schema-location", schemas, path];
    // Its exit code is 1 when it finds something.
    const { stdout } = await promisify(execFile)(file, args).catch((error: { stdout?: string }) => {
      if (error.stdout === undefined || error.stdout === "") throw error;
      return { stdout: error.stdout };
    });
    const { resources } = JSON.parse(stdout) as { resources: { kind: string; name: string; msg: string }[] };
    return resources.map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`);
  };
}
