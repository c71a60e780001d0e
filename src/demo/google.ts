import { createRequire } from "node:module";
import type * as Gax from "google-gax";
import { FIELD } from "./folder.ts";

export const PROJECT = "demo-project";
/** A JSON document with the key in one of its fields. */
export const SECRET = "app-config";
const PARENT = `projects/${PROJECT}`;
const NAME = `${PARENT}/secrets/${SECRET}`;
const OTHERS = { region: "europe-west1", retries: 3 };

/** The official client, as the demo's administrator and its second application use it: not through Keyturn. */
export interface GoogleSecret {
  /** Creates the secret, the companion that Keyturn stages in, and the first version. */
  put(key: string): Promise<void>;
  /** What an application gets. */
  key(): Promise<string>;
  /** Whether everything but the key is as `put` wrote it. */
  othersUntouched(): Promise<boolean>;
  close(): Promise<void>;
}

/** @param endpoint host:port of a server without TLS */
export async function openGoogleSecret(endpoint: string): Promise<GoogleSecret> {
  const { SecretManagerServiceClient: Client } = await import("@google-cloud/secret-manager");
  const fromSdk = createRequire(createRequire(import.meta.url).resolve("@google-cloud/secret-manager"));
  const gax = fromSdk("google-gax") as typeof Gax;
  const [apiEndpoint = "", port] = endpoint.split(":");
  const client = new Client({
    projectId: PROJECT,
    apiEndpoint,
    port: Number(port),
    sslCreds: gax.grpc.credentials.createInsecure(),
    auth: new gax.GoogleAuth({ authClient: new gax.googleAuthLibrary.PassThroughClient() }),
  });
  const read = async (): Promise<Record<string, unknown>> => {
    const [answer] = await client.accessSecretVersion({ name: `${NAME}/versions/latest` });
    return JSON.parse(Buffer.from(answer.payload?.data ?? "").toString("utf8")) as Record<string, unknown>;
  };
  return {
    put: async (key) => {
      const secret = { replication: { automatic: {} } };
      for (const secretId of [SECRET, `${SECRET}-keyturn-pending`])
        await client.createSecret({ parent: PARENT, secretId, secret });
      const data = Buffer.from(JSON.stringify({ [FIELD]: key, ...OTHERS }, null, 2));
      await client.addSecretVersion({ parent: NAME, payload: { data } });
    },
    key: async () => {
      const key = (await read())[FIELD];
      return typeof key === "string" ? key : "";
    },
    othersUntouched: async () => {
      const { [FIELD]: _key, ...others } = await read();
      return JSON.stringify(others) === JSON.stringify(OTHERS);
    },
    close: () => client.close(),
  };
}
