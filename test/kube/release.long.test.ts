import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, type KubernetesObject, startKubernetes } from "../support/servers/kubernetes.ts";
import { everything, makeNamespace, nameOf, stored, tryCreate } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { isLeftToTheApiserver } from "./defaults.ts";
import { installMonitoringCrds } from "./crds.ts";
import { HELMS, type Helm, helmFor, objectsOf } from "./helm.ts";
import { kubelet, makeWhatIsNamed, manualJob, podOf } from "./pods.ts";
import { addedTo, decided, missingFrom } from "./stored.ts";

let kubernetes: Kubernetes;

beforeAll(async () => {
  kubernetes = await startKubernetes();
  await installMonitoringCrds(kubernetes);
}, BUILD_TIMEOUT_MS);
afterAll(() => kubernetes?.stop());

const lives = HELMS.flatMap((helm) => valuesFiles().map(({ name, args }) => ({ helm, name, args })));

// The steps of one release, in the order of its life: each needs the ones before.
describe.each(lives)("$helm with the values '$name'", ({ helm: line, name, args }) => {
  const namespace = `${line}-${name}`;
  const where = ["release", CHART, "--namespace", namespace, ...args];
  let helm: Helm;
  let before: string[];
  let installed: KubernetesObject[];
  const read = (objects: readonly KubernetesObject[]) =>
    Promise.all(objects.map((object) => stored(kubernetes, object, namespace)));
  const manifest = async () => objectsOf(await helm.ok("get", "manifest", "release", "--namespace", namespace));
  const hooks = async () => objectsOf(await helm.ok("get", "hooks", "release", "--namespace", namespace));

  beforeAll(async () => {
    helm = await helmFor(line, kubernetes);
    await makeNamespace(kubernetes, namespace);
    const rendered = await helm.ok("template", ...where, "--dry-run=server");
    await makeWhatIsNamed(kubernetes, objectsOf(rendered), namespace);
    before = await everything(kubernetes);
    // Throws when the apiserver has anything to warn of.
    await helm.ok("install", ...where);
    installed = await manifest();
  });
  afterAll(() => helm?.remove());

  it("is installed without a warning of the apiserver", async () => {
    const { info } = JSON.parse(await helm.ok("status", "release", "--namespace", namespace, "--output", "json")) as {
      info: { status: string };
    };
    expect(info.status).toBe("deployed");
    expect(installed).not.toEqual([]);
  });

  it("is stored as it was rendered: nothing is dropped, nothing is written another way", async () => {
    const lost = (await read(installed)).flatMap((object, at) =>
      missingFrom(installed[at], object).map((path) => `${object.kind}/${object.metadata.name}${path}`),
    );
    expect(lost).toEqual([]);
  });

  it("leaves to the defaults of the apiserver only what is known to be right", async () => {
    const added = (await read(installed)).flatMap((object, at) => {
      const rendered = { ...installed[at], metadata: null };
      return addedTo(rendered, { ...object, metadata: null, status: null }).map((each) => ({ of: object.kind, each }));
    });
    expect(added.filter(({ each }) => !isLeftToTheApiserver(each))).toEqual([]);
  });

  it("makes only pods that the strictest level of pod security lets in", async () => {
    for (const object of await read(installed)) {
      const pod = podOf(object);
      if (pod === null) continue;
      const { status, body } = await tryCreate(kubernetes, pod, namespace);
      expect({ of: object.kind, refusal: status === 201 ? null : body }).toEqual({ of: object.kind, refusal: null });
    }
  });

  it("has CronJobs that can be run by hand", async () => {
    for (const cronJob of (await read(installed)).filter(({ kind }) => kind === "CronJob")) {
      const job = manualJob(cronJob, `${cronJob.metadata.name}-manual-1`);
      const { status, warnings, body } = await tryCreate(kubernetes, job, namespace);
      expect({ refusal: status === 201 ? null : body, warnings }).toEqual({ refusal: null, warnings: [] });
    }
  });

  it.each([
    { phase: "Failed", code: 1 },
    { phase: "Succeeded", code: 0 },
  ] as const)("reports a test pod that $phase with exit code $code", async ({ phase, code }) => {
    const tests = (await hooks())
      .filter(({ metadata }) => hookOf(metadata) === "test")
      .map((each) => each.metadata.name);
    expect(tests).not.toEqual([]);
    const node = kubelet(kubernetes, namespace, phase);
    const ran = await helm.run("test", "release", "--namespace", namespace, "--timeout", "60s");
    expect(await node.stop()).toEqual(tests);
    expect({ said: `${ran.stdout}${ran.stderr}`, code: ran.code }).toEqual({
      said: expect.stringMatching(new RegExp(`Phase: +${phase}`)),
      code,
    });
  });

  it("is upgraded, and rolled back to what it was", async () => {
    const first = (await read(installed)).map(decided);
    await helm.ok("upgrade", ...where, "--set-string", "podLabels.upgraded=yes");
    const second = await read(await manifest());
    expect(second.map(podOf).filter((pod) => pod !== null)).toSatisfy((pods: object[]) =>
      pods.every((pod) => JSON.stringify(pod).includes('"upgraded":"yes"')),
    );
    await helm.ok("rollback", "release", "1", "--namespace", namespace);
    expect((await read(installed)).map(decided)).toEqual(first);
  });

  it("is uninstalled, and leaves only what it says it keeps", async () => {
    const kept = [
      ...installed.filter(({ metadata }) => annotation(metadata, "helm.sh/resource-policy") === "keep"),
      // Of the test that ran: so that what it said can still be read.
      ...(await hooks()).filter(({ metadata }) => hookOf(metadata) === "test" && !isRemovedAfterSuccess(metadata)),
    ].map((object) => nameOf(object, namespace));
    await helm.ok("uninstall", "release", "--namespace", namespace);
    const left = (await everything(kubernetes)).filter((each) => !before.includes(each));
    expect(left).toEqual(kept.toSorted());
  });
});

const annotation = (metadata: KubernetesObject["metadata"], name: string): string | undefined =>
  (metadata["annotations"] as Record<string, string> | undefined)?.[name];
const isRemovedAfterSuccess = (metadata: KubernetesObject["metadata"]) =>
  annotation(metadata, "helm.sh/hook-delete-policy")?.includes("hook-succeeded") ?? false;
const hookOf = (metadata: KubernetesObject["metadata"]) => annotation(metadata, "helm.sh/hook");
