import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/quiet-log.ts";
import type { Kubernetes } from "../support/servers/kubernetes.ts";
import { ensure } from "./api.ts";
import { objectsOf } from "./helm.ts";

/** Makes ServiceMonitor, PodMonitor and PrometheusRule known; returns when they can be used and are in the OpenAPI. */
export async function installMonitoringCrds(kubernetes: Kubernetes): Promise<void> {
  const crds = objectsOf(readFileSync(join(import.meta.dirname, "monitoring-crds.yaml"), "utf8"));
  for (const crd of crds) await ensure(kubernetes, crd, "");
  for (const crd of crds) {
    const { group, names } = crd["spec"] as Spec;
    // Refused as unknown, then as "initializing", then served.
    const served = async () => (await kubernetes.ask("GET", `/apis/${group}/v1/${names.plural}`)).status === 200;
    await eventually(served, 60_000);
  }
  await eventually(async () => {
    const published = JSON.stringify((await kubernetes.ask("GET", "/openapi/v2")).body);
    return crds.every((crd) => published.includes(`"kind":"${(crd["spec"] as Spec).names.kind}"`));
  }, 60_000);
}

interface Spec {
  group: string;
  names: { kind: string; plural: string };
}
