import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, startKubernetes } from "../support/servers/kubernetes.ts";
import { makeNamespace } from "./api.ts";
import { CHART, valuesFiles } from "./chart.ts";
import { HELMS, type Helm, helmFor } from "./helm.ts";

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes();
}, BUILD_TIMEOUT_MS);
afterAll(() => kubernetes?.stop());

const minimal = valuesFiles().find(({ name }) => name === "default-minimal")!.args;

// docs/own-credentials.md, when Keyturn itself is suspected: stop everything by hand, start anew with helm.
describe.each(HELMS)(
  "what somebody stopped with kubectl, and then an upgrade with %s",
  { timeout: 120_000 },
  (line) => {
    const namespace = `${line}-suspended`;
    const at = (group: string, kind: string, name: string) =>
      `/apis/${group}/v1/namespaces/${namespace}/${kind}/${name}`;
    const cronJob = at("batch", "cronjobs", "release-keyturn-scan");
    const deployment = at("apps", "deployments", "release-keyturn");
    let helm: Helm;
    const upgrade = (...more: string[]) =>
      helm.run("upgrade", "release", CHART, "--namespace", namespace, ...minimal, ...more);
    const patch = async (path: string, spec: object) => {
      const how = "application/strategic-merge-patch+json";
      expect((await kubernetes.ask("PATCH", `${path}?fieldManager=kubectl-patch`, { spec }, how)).status).toBe(200);
    };
    const stopped = async () => {
      const specOf = async (path: string) => ((await kubernetes.ask("GET", path)).body as { spec: object }).spec;
      return {
        suspend: (await specOf(cronJob)) as { suspend: boolean },
        replicas: (await specOf(`${deployment}/scale`)) as { replicas?: number },
      };
    };

    beforeAll(async () => {
      helm = await helmFor(line, kubernetes);
      await makeNamespace(kubernetes, namespace);
      await helm.ok("install", "release", CHART, "--namespace", namespace, ...minimal);
      await patch(cronJob, { suspend: true });
      await patch(`${deployment}/scale`, { replicas: 0 });
    }, 120_000);
    afterAll(() => helm?.remove());

    it("with schedule.suspend the servers come back and no scan starts", async () => {
      expect(await stopped()).toMatchObject({ suspend: { suspend: true }, replicas: {} });
      expect((await stopped()).replicas.replicas ?? 0).toBe(0);
      expect(await upgrade("--set", "schedule.suspend=true")).toMatchObject({ code: 0 });
      expect(await stopped()).toMatchObject({ suspend: { suspend: true }, replicas: { replicas: 1 } });
    });

    it("without it helm 3 lets scans run again, and helm 4 says who suspended them and does so when it is told to", async () => {
      const first = await upgrade();
      if (line === "helm4") {
        expect(first.code).not.toBe(0);
        expect(first.stderr).toMatch(/conflict with "kubectl-patch".*\.spec\.suspend/);
        expect(await stopped()).toMatchObject({ suspend: { suspend: true } });
        expect(await upgrade("--force-conflicts")).toMatchObject({ code: 0 });
      } else expect(first.code).toBe(0);
      expect(await stopped()).toMatchObject({ suspend: { suspend: false } });
    });
  },
);
