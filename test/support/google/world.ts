import { createRequire } from "node:module";
import type { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import type * as Gax from "google-gax";
import type { SecretStore } from "../../../src/ports/secret-store.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { openGoogleSecretManager } from "../../../src/stores/google-secret-manager/store.ts";
import type { Document, StoreWorld } from "../../contract/store-world.ts";
import { SecretManager } from "./secret-manager.ts";
import { denied, down, type Faults, replyLost, serveGoogle } from "./server.ts";

const PROJECT = "keyturn-test";
const COMPANION = "-keyturn-pending";
const FAULTS = { denied, down, reply_lost: replyLost } as const;

/** The official client as administrator, operator and application: it goes around the store under test. */
export async function adminClient(endpoint: string): Promise<SecretManagerServiceClient> {
  const { SecretManagerServiceClient: Client } = await import("@google-cloud/secret-manager");
  const fromSdk = createRequire(createRequire(import.meta.url).resolve("@google-cloud/secret-manager"));
  const gax = fromSdk("google-gax") as typeof Gax;
  const [apiEndpoint, port] = endpoint.split(":") as [string, string];
  return new Client({
    projectId: PROJECT,
    apiEndpoint,
    port: Number(port),
    sslCreds: gax.grpc.credentials.createInsecure(),
    auth: new gax.GoogleAuth({ authClient: new gax.googleAuthLibrary.PassThroughClient() }),
  });
}

/** @param fields whether documents are JSON; else a payload is one value. `before` prepares each world's server */
export async function googleWorld({ fields, iam }: { fields: boolean; iam: boolean }): Promise<StoreWorld> {
  const state = new SecretManager();
  state.iam = iam;
  const servers = [await serveGoogle(state)];
  const endpoint = servers[0]!.endpoint;
  const client = await adminClient(endpoint);
  const named = (secret: string) => `projects/${PROJECT}/secrets/${secret}`;
  const open = async (faults?: Faults): Promise<SecretStore> => {
    const server = faults === undefined ? servers[0]! : await serveGoogle(state, faults);
    if (faults !== undefined) servers.push(server);
    return openGoogleSecretManager(
      { project: PROJECT, endpoint: server.endpoint, insecure: true, companion: "provisioned" },
      "prod",
    );
  };
  const create = async (secret: string) => {
    const made = { replication: { automatic: {} } };
    await client
      .createSecret({ parent: `projects/${PROJECT}`, secretId: secret, secret: made })
      .catch((error: unknown) => {
        if ((error as { code?: number }).code !== 6) throw error; // exists already
      });
  };
  const add = (secret: string, text: string) =>
    client.addSecretVersion({ parent: named(secret), payload: { data: Buffer.from(text) } });
  const annotations = async (secret: string) => (await client.getSecret({ name: named(secret) }))[0].annotations ?? {};

  return {
    open: (how) => open(how === undefined ? undefined : FAULTS[how]),
    destination: (secret, field): Destination => ({
      store: "prod",
      type: "google-secret-manager",
      location: { project: PROJECT, endpoint },
      secret,
      field: fields ? field : null,
    }),
    async put(secret, document) {
      await create(secret);
      await create(secret + COMPANION);
      await add(secret, fields ? JSON.stringify(document, null, 2) : `${document["value"]}\n`);
    },
    async applicationsRead(secret) {
      const [answer] = await client.accessSecretVersion({ name: `${named(secret)}/versions/latest` });
      const text = Buffer.from(answer.payload?.data ?? "").toString("utf8");
      return fields ? (JSON.parse(text) as Document) : { value: text.trim() };
    },
    operatorStages: async (dest, value) => {
      await add(dest.secret + COMPANION, value);
    },
    async tagByOthers(secret, name, value) {
      const [{ etag, annotations: before }] = await client.getSecret({ name: named(secret) });
      const changed = { name: named(secret), annotations: { ...before, [name]: value }, etag: etag ?? "" };
      await client.updateSecret({ secret: changed, updateMask: { paths: ["annotations"] } });
    },
    tagsOfOthers: async (secret) =>
      Object.fromEntries(Object.entries(await annotations(secret)).filter(([name]) => !name.startsWith("keyturn-"))),
    async besides(secret) {
      const parts = [JSON.stringify(await annotations(secret))];
      const [versions] = await client.listSecretVersions({ parent: named(secret + COMPANION) });
      for (const { name, state: now } of versions) {
        if (now !== "ENABLED") continue;
        const [answer] = await client.accessSecretVersion({ name: name ?? "" });
        parts.push(Buffer.from(answer.payload?.data ?? "").toString("utf8"));
      }
      return parts.join("\n");
    },
    async close() {
      await client.close();
      for (const server of servers) server.close();
    },
  };
}
