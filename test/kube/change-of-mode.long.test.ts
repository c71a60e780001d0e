import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, startKubernetes } from "../support/servers/kubernetes.ts";
import { everything, makeNamespace } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { HELMS, type Helm, helmFor } from "./helm.ts";

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
