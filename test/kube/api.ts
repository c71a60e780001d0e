import type { Answer, Kubernetes, KubernetesObject } from "../support/servers/kubernetes.ts";

interface Resource {
  apiVersion: string;
  kind: string;
  path: string;
  namespaced: boolean;
  listable: boolean;
}

/** Every kind that the apiserver serves at this moment, custom resources included. */
async function served(kubernetes: Kubernetes): Promise<Resource[]> {
  interface ResourceList {
    resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
  }
  const groups = (await kubernetes.ask("GET", "/apis")).body as {
    groups: { versions: { groupVersion: string }[] }[];
  };
  const versions = ["v1", ...groups.groups.flatMap((group) => group.versions.map((each) => each.groupVersion))];
  const lists = versions.map(async (apiVersion) => {
    const base = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const list = (await kubernetes.ask("GET", base)).body as Partial<ResourceList>;
    return (list.resources ?? [])
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced, verbs }) => ({
        apiVersion,
        kind,
        namespaced,
        listable: verbs.includes("list"),
        path: `${base}/%/${name}`,
      }));
  });
  return (await Promise.all(lists)).flat();
}

const under = (resource: Resource, namespace: string | null): string =>
  resource.path.replace("/%", resource.namespaced && namespace !== null ? `/namespaces/${namespace}` : "");

/** The path of the list that an object belongs to. @throws when the apiserver does not know the kind */
async function listOf(kubernetes: Kubernetes, object: KubernetesObject, namespace: string): Promise<string> {
  const { apiVersion, kind } = object;
  const find = (resources: Resource[]) =>
    resources.find((each) => each.apiVersion === apiVersion && each.kind === kind);
  // Kinds only ever come, so what was once known stays true.
  let resource = find(KNOWN.get(kubernetes) ?? []);
  if (resource === undefined) {
    KNOWN.set(kubernetes, await served(kubernetes));
    resource = find(KNOWN.get(kubernetes) ?? []);
  }
  if (resource === undefined) throw new Error(`the apiserver does not know ${apiVersion} ${kind}`);
  return under(resource, object.metadata.namespace ?? namespace);
}
const KNOWN = new WeakMap<Kubernetes, Resource[]>();

const pathOf = async (kubernetes: Kubernetes, object: KubernetesObject, namespace: string): Promise<string> =>
  `${await listOf(kubernetes, object, namespace)}/${object.metadata.name}`;

/** What is stored under the name of a rendered object. @throws when there is nothing */
export async function stored(kubernetes: Kubernetes, object: KubernetesObject, namespace: string) {
  const answer = await kubernetes.ask("GET", await pathOf(kubernetes, object, namespace));
  if (answer.status !== 200) throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(answer.body)}`);
  return answer.body as KubernetesObject;
}

/** Would the apiserver take this object? Nothing is stored; an unknown or doubled field is an error, not a warning. */
export async function tryApply(kubernetes: Kubernetes, object: KubernetesObject, namespace: string): Promise<Answer> {
  const path = await pathOf(kubernetes, object, namespace);
  const query = "dryRun=All&fieldManager=test&fieldValidation=Strict&force=true";
  return kubernetes.ask("PATCH", `${path}?${query}`, object, "application/apply-patch+yaml");
}

/** Would the apiserver take this object as a new one? Nothing is stored. */
export async function tryCreate(kubernetes: Kubernetes, object: KubernetesObject, namespace: string): Promise<Answer> {
  return kubernetes.ask(
    "POST",
    `${await listOf(kubernetes, object, namespace)}?dryRun=All&fieldValidation=Strict`,
    object,
  );
}

/** Makes an object unless there is one of that name. @throws when it is refused */
export async function ensure(kubernetes: Kubernetes, object: KubernetesObject, namespace: string): Promise<void> {
  const path = `${await listOf(kubernetes, object, namespace)}?fieldValidation=Strict`;
  const { status, body } = await kubernetes.ask("POST", path, object);
  if (status !== 201 && status !== 409)
    throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(body)}`);
}

/** Every object of the cluster, as `namespace/Kind/name`; without what the apiserver makes and renews by itself. */
export async function everything(kubernetes: Kubernetes): Promise<string[]> {
  const OWN = new Set(["APIService", "Lease", "Event", "FlowSchema", "PriorityLevelConfiguration", "ComponentStatus"]);
  const resources = (await served(kubernetes)).filter(({ kind, listable }) => listable && !OWN.has(kind));
  const lists = resources.map(async (resource) => {
    const { status, body } = await kubernetes.ask("GET", under(resource, null));
    if (status !== 200) throw new Error(`cannot list ${resource.kind}: ${JSON.stringify(body)}`);
    return (body as { items: KubernetesObject[] }).items
      .filter(({ metadata }) => metadata.namespace !== "kube-system")
      .map(({ metadata }) => nameOf({ apiVersion: "", kind: resource.kind, metadata }, ""));
  });
  return [...new Set((await Promise.all(lists)).flat())].toSorted();
}

/** `namespace/Kind/name`; an object that does not say its namespace is in the given one. */
export const nameOf = ({ kind, metadata }: KubernetesObject, namespace: string): string =>
  [metadata.namespace ?? namespace, kind, metadata.name].join("/");

/**
 * A namespace that refuses every pod below the strictest level of pod security, and warns of workloads that would make
 * one. With the account that a controller of a real cluster makes.
 */
export async function makeNamespace(kubernetes: Kubernetes, name: string): Promise<void> {
  const labels = Object.fromEntries(
    ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]),
  );
  await ensure(kubernetes, { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } }, name);
  await ensure(kubernetes, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } }, name);
}
