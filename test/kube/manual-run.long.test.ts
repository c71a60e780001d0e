import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS } from "../support/servers/build.ts";
import { type Kubernetes, startKubernetes } from "../support/servers/kubernetes.ts";
import { ensure, makeNamespace } from "./api.ts";
import { objectsOf } from "./helm.ts";

const NAMESPACE = "keyturn";
const POLICIES = "docs/policies";

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes();
  await makeNamespace(kubernetes, NAMESPACE);
  for (const file of ["kubernetes-manual-run.yaml", "kubernetes-look.yaml"])
    for (const object of objectsOf(readFileSync(`${POLICIES}/${file}`, "utf8")))
      await ensure(kubernetes, object, NAMESPACE);
}, BUILD_TIMEOUT_MS);
afterAll(() => kubernetes?.stop());

interface Asked {
  verb: string;
  resource: string;
  group?: string;
  subresource?: string;
  name?: string;
  namespace?: string;
}
/** What the apiserver answers to `kubectl auth can-i` for a member of the group. */
async function may(group: string, asked: Asked): Promise<boolean> {
  const answer = await kubernetes.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: "somebody", groups: [group], resourceAttributes: { namespace: NAMESPACE, ...asked } },
  });
  expect(answer.status).toBe(201);
  return (answer.body as { status: { allowed: boolean } }).status.allowed;
}
const batch = "batch";
const NEVER: Asked[] = [
  { verb: "get", resource: "secrets", name: "keyturn" },
  { verb: "list", resource: "secrets" },
  { verb: "create", resource: "pods", subresource: "exec" },
  { verb: "create", resource: "pods", subresource: "attach" },
  { verb: "create", resource: "pods", subresource: "portforward" },
  { verb: "update", resource: "pods", subresource: "ephemeralcontainers" },
  { verb: "create", resource: "pods" },
  { verb: "create", resource: "serviceaccounts", subresource: "token", name: "keyturn" },
  { verb: "update", resource: "configmaps", name: "keyturn" },
  { verb: "patch", resource: "deployments", group: "apps", name: "keyturn" },
  { verb: "patch", resource: "cronjobs", group: batch, name: "keyturn-scan" },
  { verb: "delete", resource: "jobs", group: batch },
  { verb: "create", resource: "rolebindings", group: "rbac.authorization.k8s.io" },
  { verb: "get", resource: "pods", namespace: "default" },
  { verb: "create", resource: "jobs", group: batch, namespace: "default" },
];
const LOOKING: Asked[] = [
  { verb: "list", resource: "pods" },
  { verb: "get", resource: "pods", subresource: "log" },
  { verb: "get", resource: "jobs", group: batch, name: "keyturn-manual-1" },
];

it.each([
  {
    group: "keyturn-operators",
    can: "may run the CronJob by hand and read what it said, and nothing else",
    allowed: [
      ...LOOKING,
      { verb: "get", resource: "cronjobs", group: batch, name: "keyturn-scan" },
      { verb: "create", resource: "jobs", group: batch },
    ],
    refused: [...NEVER, { verb: "get", resource: "cronjobs", group: batch, name: "another" }],
  },
  {
    group: "keyturn-on-call",
    can: "may look at what runs, and nothing else",
    allowed: [...LOOKING, { verb: "get", resource: "configmaps", name: "keyturn" }],
    refused: [...NEVER, { verb: "create", resource: "jobs", group: batch }],
  },
  { group: "somebody-else", can: "may nothing", allowed: [], refused: [...NEVER, ...LOOKING] },
])("a member of $group $can", { timeout: 60_000 }, async ({ group, allowed, refused }) => {
  const answers = async (all: readonly Asked[]) =>
    Promise.all(all.map(async (asked) => ({ ...asked, may: await may(group, asked) })));
  // The apiserver learns of a new Role a moment later.
  await expect.poll(async () => (await answers(allowed)).filter((each) => !each.may), { timeout: 30_000 }).toEqual([]);
  expect((await answers(refused)).filter((each) => each.may)).toEqual([]);
});
