import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type { protos, SecretManagerServiceClient } from "@google-cloud/secret-manager";
import type * as Gax from "google-gax";
import { KeyturnError } from "../../rotation/errors.ts";
import { crc32c } from "./crc32c.ts";
import { failed, GRPC, grpcCode, isStale } from "./errors.ts";

type ISecretVersion = protos.google.cloud.secretmanager.v1.ISecretVersion;
type IAccessed = protos.google.cloud.secretmanager.v1.IAccessSecretVersionResponse;

/** What we use of a secret's metadata. */
export interface SecretMeta {
  etag: string;
  annotations: Record<string, string>;
}

export interface VersionMeta {
  number: string;
  enabled: boolean;
  etag: string;
  createdAt: number | null;
}

export interface Payload {
  /** Number of the version that answered, also when `latest` was asked for. */
  number: string;
  text: string;
}

/** Secret Manager, narrowed to what the store needs. Every call is bounded in time and throws KeyturnErrors only. */
export interface GoogleSecrets {
  /** null: no such secret or version. @throws STORE_CONFLICT when the version is disabled, destroyed or not UTF-8 */
  access(secret: string, version: string): Promise<Payload | null>;
  /** Not safe to repeat blindly: there is no idempotency key (facts: stack.md section 8). @returns the number */
  add(secret: string, text: string): Promise<string>;
  /** Newest first; null: no such secret. */
  versions(secret: string): Promise<VersionMeta[] | null>;
  /** "stale": the version changed since `etag` was read. */
  destroy(secret: string, version: string, etag: string): Promise<"done" | "stale">;
  secret(secret: string): Promise<SecretMeta | null>;
  /** Replaces all annotations, only if the secret still has this etag. */
  annotate(secret: string, annotations: Record<string, string>, etag: string): Promise<"done" | "stale">;
  /** A new, empty secret with the replication, encryption keys and labels of `like`. Existing already is fine. */
  createLike(secret: string, like: string): Promise<void>;
  /** Which of these permissions we have; null when the server does not implement the question (emulators). */
  granted(secret: string, permissions: readonly string[]): Promise<string[] | null>;
  close(): Promise<void>;
}

export interface GoogleOptions {
  project: string;
  /** `host:port`; absent: Google. */
  endpoint?: string | undefined;
  /** Plain text and no credentials: emulators only. */
  insecure?: boolean | undefined;
  /** One try of one call, in milliseconds. */
  timeoutMs?: number | undefined;
}

/** The vendor's own list; AIP-158 allows empty pages, so only the token says when to stop. */
const PAGE = 250;

/** Loads the SDK (some 300 ms and 40 MB) and opens one channel, which is used for every secret of the project. */
export async function openGoogle(options: GoogleOptions): Promise<GoogleSecrets> {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const client = await connect(options);
  const named = (secret: string): string => `projects/${options.project}/secrets/${secret}`;

  /**
   * One call, tried once: the SDK would repeat AccessSecretVersion for up to 600 s, while our callers retry by
   * themselves. The SDK's own timeout starts after it has found credentials, so an outer deadline covers both.
   */
  async function once<T>(call: (options: object) => Promise<T>): Promise<T> {
    const cancel = new AbortController();
    const over = new AbortController();
    const deadline = sleep(timeoutMs + 1_000, undefined, { signal: over.signal, ref: false }).then((): never => {
      cancel.abort();
      throw Object.assign(new Error("deadline"), { code: GRPC.DEADLINE_EXCEEDED });
    });
    deadline.catch(() => {}); // the race below has long been decided when `over` aborts the timer
    try {
      return await Promise.race([call({ timeout: timeoutMs, retry: null, signal: cancel.signal }), deadline]);
    } finally {
      over.abort();
    }
  }

  /** Reads may be repeated without harm: one blip is not worth a failed step. */
  async function read<T>(name: string, resource: string, call: (options: object) => Promise<T>): Promise<T> {
    try {
      return await once(call).catch(async (error: unknown) => {
        if (grpcCode(error) !== GRPC.UNAVAILABLE) throw error;
        await sleep(100);
        return once(call);
      });
    } catch (error) {
      throw failed(error, name, resource);
    }
  }
  async function readOrNull<T>(
    name: string,
    resource: string,
    call: (options: object) => Promise<T>,
  ): Promise<T | null> {
    return read(name, resource, call).catch((error: unknown) => {
      if (error instanceof KeyturnError && error.code === "STORE_MISSING") return null;
      throw error;
    });
  }
  async function write<T>(name: string, resource: string, call: (options: object) => Promise<T>): Promise<T> {
    return once(call).catch((error: unknown) => {
      throw failed(error, name, resource);
    });
  }
  async function conditional(name: string, resource: string, call: (options: object) => Promise<unknown>) {
    return once(call).then(
      () => "done" as const,
      (error: unknown) => {
        if (isStale(error)) return "stale" as const;
        throw failed(error, name, resource);
      },
    );
  }

  return {
    async access(secret, version) {
      const name = `${named(secret)}/versions/${version}`;
      const answer = await readOrNull("AccessSecretVersion", secret, (o) => client.accessSecretVersion({ name }, o));
      return answer === null ? null : payloadOf(answer[0], secret);
    },
    async add(secret, text) {
      const data = Buffer.from(text, "utf8");
      if (data.byteLength > 65_536) throw new KeyturnError("STORE_CONFLICT", `${secret} would exceed 64 KiB.`);
      const payload = { data, dataCrc32c: crc32c(data) };
      try {
        const call = (o: object) => client.addSecretVersion({ parent: named(secret), payload }, o);
        const [version] = await write("AddSecretVersion", secret, call);
        return numberOf(version.name);
      } finally {
        data.fill(0);
      }
    },
    async versions(secret) {
      const found: VersionMeta[] = [];
      for (let pageToken = ""; ;) {
        const request = { parent: named(secret), pageSize: PAGE, pageToken };
        const answer = await readOrNull("ListSecretVersions", secret, (o) =>
          client.listSecretVersions(request, { ...o, autoPaginate: false }),
        );
        if (answer === null) return null;
        found.push(...answer[0].map(versionOf));
        const next = answer[2]?.nextPageToken ?? "";
        if (next === "") return found.toSorted((a, b) => Number(b.number) - Number(a.number));
        if (next === pageToken)
          throw new KeyturnError("STORE_UNAVAILABLE", `ListSecretVersions of ${secret} repeats itself.`);
        pageToken = next;
      }
    },
    async destroy(secret, version, etag) {
      const request = { name: `${named(secret)}/versions/${version}`, etag };
      return conditional("DestroySecretVersion", secret, (o) => client.destroySecretVersion(request, o));
    },
    async secret(secret) {
      const answer = await readOrNull("GetSecret", secret, (o) => client.getSecret({ name: named(secret) }, o));
      return answer === null ? null : { etag: answer[0].etag ?? "", annotations: { ...answer[0].annotations } };
    },
    async annotate(secret, annotations, etag) {
      const request = { secret: { name: named(secret), annotations, etag }, updateMask: { paths: ["annotations"] } };
      return conditional("UpdateSecret", secret, (o) => client.updateSecret(request, o));
    },
    async createLike(secret, like) {
      const [original] = await read("GetSecret", like, (o) => client.getSecret({ name: named(like) }, o));
      const copy = {
        replication: original.replication ?? { automatic: {} },
        labels: { ...original.labels },
        ...(original.customerManagedEncryption
          ? { customerManagedEncryption: original.customerManagedEncryption }
          : {}),
      };
      const request = { parent: `projects/${options.project}`, secretId: secret, secret: copy };
      await once((o) => client.createSecret(request, o)).catch((error: unknown) => {
        if (grpcCode(error) !== GRPC.ALREADY_EXISTS) throw failed(error, "CreateSecret", secret);
      });
    },
    async granted(secret, permissions) {
      const request = { resource: named(secret), permissions: [...permissions] };
      return once((o) => client.testIamPermissions(request, o)).then(
        ([answer]) => answer.permissions ?? [],
        (error: unknown) => {
          if (grpcCode(error) === GRPC.UNIMPLEMENTED) return null;
          throw failed(error, "TestIamPermissions", secret);
        },
      );
    },
    close: () => client.close(),
  };
}

async function connect(options: GoogleOptions): Promise<SecretManagerServiceClient> {
  const sdk = await import("@google-cloud/secret-manager");
  const [host, port] = (options.endpoint ?? "").split(/:(?=\d+$)/);
  const where = host ? { apiEndpoint: host, ...(port === undefined ? {} : { port: Number(port) }) } : {};
  if (!options.insecure) return new sdk.SecretManagerServiceClient({ projectId: options.project, ...where });
  // The SDK's own copy of google-gax: credentials of another copy would not be recognised. Without the pass-through
  // client the SDK looks for a metadata server and for credentials that a plain-text emulator has no use for.
  const gax = createRequire(createRequire(import.meta.url).resolve("@google-cloud/secret-manager"))(
    "google-gax",
  ) as typeof Gax;
  const authClient = new gax.googleAuthLibrary.PassThroughClient();
  return new sdk.SecretManagerServiceClient({
    projectId: options.project,
    ...where,
    sslCreds: gax.grpc.credentials.createInsecure(),
    auth: new gax.GoogleAuth({ authClient }),
  });
}

/** The trailing number of `projects/…/secrets/…/versions/7`. */
function numberOf(name: string | null | undefined): string {
  const number = /\/versions\/(\d+)$/.exec(name ?? "")?.[1];
  if (number === undefined) throw new KeyturnError("STORE_UNAVAILABLE", "The answer names no version.");
  return number;
}

function versionOf(v: ISecretVersion): VersionMeta {
  const seconds = v.createTime?.seconds;
  const enabled = v.state === "ENABLED" || v.state === 1;
  const createdAt = seconds === null || seconds === undefined ? null : Number(seconds) * 1000;
  return { number: numberOf(v.name), enabled, etag: v.etag ?? "", createdAt };
}

/** Checks the checksum and decodes; the received bytes are wiped, the text lives only as long as its caller. */
function payloadOf({ name, payload }: IAccessed, secret: string): Payload {
  const data = Buffer.isBuffer(payload?.data) ? payload.data : Buffer.from(payload?.data ?? "");
  const sent = payload?.dataCrc32c;
  if (sent !== null && sent !== undefined && Number(sent) !== crc32c(data)) {
    throw new KeyturnError("STORE_UNAVAILABLE", `AccessSecretVersion of ${secret}: the checksum does not fit.`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    return { number: numberOf(name), text };
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    throw new KeyturnError("STORE_CONFLICT", `${secret} holds bytes that are not UTF-8 text.`);
  } finally {
    data.fill(0);
  }
}
