import { ensure, makeNamespace } from "./api.ts";
import type { Kubernetes, KubernetesObject } from "../support/servers/kubernetes.ts";

interface PodSpec {
  serviceAccountName?: string;
  priorityClassName?: string;
  runtimeClassName?: string;
}
interface Template {
  metadata?: object;
  spec: PodSpec;
}
interface Pod extends KubernetesObject {
  spec: PodSpec;
}

/** The pod that a controller would make of a Deployment, a CronJob or a Job, or the pod itself; null for anything else. */
export function podOf(object: KubernetesObject): Pod | null {
  if (object.kind === "Pod") return object as Pod;
  const spec = object["spec"] as { template?: Template; jobTemplate?: { spec: { template: Template } } } | undefined;
  const template = object.kind === "CronJob" ? spec?.jobTemplate?.spec.template : spec?.template;
  if (template === undefined) return null;
  return { apiVersion: "v1", kind: "Pod", metadata: { ...template.metadata, name: "would-be" }, spec: template.spec };
}

/** What a person has to have made before: namespaces, and the accounts and classes that pods name and the chart does not make. */
export async function makeWhatIsNamed(kubernetes: Kubernetes, objects: readonly KubernetesObject[], namespace: string) {
  for (const { metadata } of objects) {
    if (metadata.namespace !== undefined) await makeNamespace(kubernetes, metadata.namespace);
  }
  const isMade = (kind: string, name: string) =>
    objects.some((each) => each.kind === kind && each.metadata.name === name);
  for (const pod of objects.map(podOf)) {
    const { serviceAccountName: account, priorityClassName: priority, runtimeClassName: runtime } = pod?.spec ?? {};
    const wanted = [
      account && { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account } },
      // The system's own classes are there.
      priority &&
        !priority.startsWith("system-") && {
          apiVersion: "scheduling.k8s.io/v1",
          kind: "PriorityClass",
          metadata: { name: priority },
          value: 1,
        },
      runtime && { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name: runtime }, handler: runtime },
    ];
    for (const object of wanted) {
      if (object && !isMade(object.kind, object.metadata.name)) await ensure(kubernetes, object, namespace);
    }
  }
}

/** The Job that `kubectl create job NAME --from=cronjob/…` makes, field by field. */
export function manualJob(cronJob: KubernetesObject, name: string): KubernetesObject {
  const { jobTemplate } = cronJob["spec"] as {
    jobTemplate: { metadata?: { labels?: object; annotations?: object }; spec: object };
  };
  const { name: owner, uid } = cronJob.metadata;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      labels: jobTemplate.metadata?.labels,
      annotations: { ...jobTemplate.metadata?.annotations, "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name: owner, uid, controller: true }],
    },
    spec: jobTemplate.spec,
  };
}

/** Stands for the kubelet: lets every pod of the namespace that has not run end in this phase, until `stop` is called. */
export function kubelet(kubernetes: Kubernetes, namespace: string, phase: "Succeeded" | "Failed") {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const ran: string[] = [];
  let isWanted = true;
  const work = async () => {
    while (isWanted) {
      const { items } = (await kubernetes.ask("GET", pods)).body as {
        items: { metadata: { name: string }; status: { phase: string } }[];
      };
      for (const { metadata, status } of items) {
        if (status.phase !== "Pending") continue;
        const path = `${pods}/${metadata.name}/status`;
        await kubernetes.ask("PATCH", path, { status: { phase } }, "application/merge-patch+json");
        ran.push(metadata.name);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const done = work();
  return {
    /** @returns the names of the pods that it let end */
    async stop() {
      isWanted = false;
      await done;
      return ran;
    },
  };
}
