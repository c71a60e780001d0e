import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/quiet-log.ts";
import type { Kubernetes } from "../support/servers/kubernetes.ts";
import { objectsOf } from "./helm.ts";

/** Makes ServiceMonitor, PodMonitor and PrometheusRule known; returns when they can be used and are in the OpenAPI. */
export async function installMonitoringCrds(kubernetes: Kubernetes): Promise<void> {
  const crds = objectsOf(readFileSync(join(import.meta.dirname, "monitoring-crds.yaml"), "utf8"));
  const base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  for (const crd of crds) {
    const { status, body } = await kubernetes.ask("POST", `${base}?fieldValidation=Strict`, crd);
    if (status !== 201) throw new Error(`${crd.metadata.name}: ${JSON.stringify(body)}`);
  }
  for (const crd of crds) {
    await eventually(async () => {
      const { status } = (await kubernetes.ask("GET", `${base}/${crd.metadata.name}`)).body as {
        status?: { conditions?: { type: string; status: string }[] };
      };
      return status?.conditions?.some((each) => each.type === "Established" && each.status === "True") ?? false;
    }, 60_000);
  }
  await eventually(async () => {
    const published = JSON.stringify((await kubernetes.ask("GET", "/openapi/v2")).body);
    return crds.every((crd) => published.includes(`"kind":"${(crd as unknown as Crd).spec.names.kind}"`));
  }, 60_000);
}

interface Crd {
  spec: { names: { kind: string } };
}
