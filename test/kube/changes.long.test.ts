import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, startKubernetes } from "../support/servers/kubernetes.ts";
import { everything, makeNamespace, stored } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { HELMS, type Helm, helmFor } from "./helm.ts";
import { podOf } from "./pods.ts";

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes();
}, BUILD_TIMEOUT_MS);
afterAll(() => kubernetes?.stop());

const valuesOf = (name: string) => valuesFiles().find((each) => each.name === name)!.args;

/** Who scans, and what there is of workloads then. In the order in which the release below goes through them. */
const MODES = [
  {
    values: "default-minimal",
    what: "a server and a CronJob that scans",
    workloads: ["CronJob/release-keyturn-scan", "Deployment/release-keyturn"],
  },
  { values: "embedded", what: "a server that scans itself", workloads: ["Deployment/release-keyturn"] },
  { values: "job-only", what: "a CronJob that does everything", workloads: ["CronJob/release-keyturn-run-once"] },
  {
    values: "default-minimal",
    what: "back to the first",
    workloads: ["CronJob/release-keyturn-scan", "Deployment/release-keyturn"],
  },
];

describe.each(HELMS)("one release that changes who scans, with %s", (line) => {
  const namespace = `${line}-modes`;
  let helm: Helm;
  beforeAll(async () => {
    helm = await helmFor(line, kubernetes);
    await makeNamespace(kubernetes, namespace);
  });
  afterAll(() => helm?.remove());

  const workloads = async () =>
    (await everything(kubernetes)).flatMap((each) => {
      const [at, kind, name] = each.split("/");
      return at === namespace && (kind === "Deployment" || kind === "CronJob") ? [`${kind}/${name}`] : [];
    });

  it.each(MODES)("$values: $what, and nothing of the mode before", async ({ values, workloads: wanted }) => {
    await helm.ok("upgrade", "--install", "release", CHART, "--namespace", namespace, ...valuesOf(values));
    expect(await workloads()).toEqual(wanted);
  });

  it("a rollback brings back the mode of that revision", async () => {
    await helm.ok("rollback", "release", "3", "--namespace", namespace);
    expect(await workloads()).toEqual(MODES[2]!.workloads);
  });
});

// Helm 4 goes on as the release began unless it is told to: with patches that the client computes, not with server-side apply.
describe.each([
  { how: "as helm 3 began it", args: [] },
  { how: "with server-side apply from now on", args: ["--server-side=true"] },
])("a release made by helm 3 that helm 4 takes over, $how", ({ args }) => {
  const namespace = `taken-over-${args.length}`;
  const helms: Helm[] = [];
  beforeAll(async () => {
    for (const line of HELMS) helms.push(await helmFor(line, kubernetes));
    await makeNamespace(kubernetes, namespace);
  });
  afterAll(async () => {
    for (const helm of helms) await helm.remove();
  });

  it("is upgraded, rolled back and uninstalled", async () => {
    const [three, four] = helms as [Helm, Helm];
    const at = ["--namespace", namespace];
    const before = await everything(kubernetes);
    await three.ok("install", "release", CHART, ...at, ...valuesOf("default-minimal"));
    const labels = async () => {
      const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "release-keyturn" } };
      return podOf(await stored(kubernetes, deployment, namespace))!.metadata["labels"] as Record<string, string>;
    };
    const first = await labels();
    const changed = ["--set-string", "podLabels.upgraded=yes"];
    await four.ok("upgrade", "release", CHART, ...at, ...valuesOf("default-minimal"), ...changed, ...args);
    expect(await labels()).toEqual({ ...first, upgraded: "yes" });
    await four.ok("upgrade", "release", CHART, ...at, ...valuesOf("default-minimal"), ...args);
    expect(await labels()).toEqual(first);
    await four.ok("rollback", "release", "1", ...at, ...args);
    expect(await labels()).toEqual(first);
    await four.ok("uninstall", "release", ...at);
    expect((await everything(kubernetes)).filter((each) => !before.includes(each))).toEqual([]);
  });
});
