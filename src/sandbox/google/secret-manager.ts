/**
 * The behaviour of Google Secret Manager that the store relies on, in memory. Source, unless a line says otherwise: the
 * comments of google/cloud/secretmanager/v1/{service,resources}.proto in the package @google-cloud/secret-manager
 * 7.2.0 ("proto"), and https://cloud.google.com/secret-manager/docs/etags ("etags").
 */

export const CODE = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
} as const;

/** An answer with a status. The text quotes nothing, but tests may put key text into it to see that it goes nowhere. */
export class StatusError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

type State = "ENABLED" | "DISABLED" | "DESTROYED";
interface Version {
  name: string;
  state: State;
  etag: string;
  createTime: { seconds: number; nanos: number };
  clientSpecifiedPayloadChecksum: boolean;
  /** Not part of the resource. */
  data: Buffer;
}
interface Secret {
  name: string;
  etag: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  replication: unknown;
  customerManagedEncryption?: unknown;
  versions: Version[];
}
export interface Request {
  name?: string;
  parent?: string;
  resource?: string;
  etag?: string;
  secretId?: string;
  secret?: Partial<Secret>;
  updateMask?: { paths: string[] };
  payload?: { data: Buffer; dataCrc32c?: string | number | null };
  permissions?: string[];
  pageSize?: number;
  pageToken?: string;
}

/** CRC-32C bit by bit (RFC 3720), apart from the table of the code under test. */
function crc32c(data: Buffer): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
}

export class SecretManager {
  readonly secrets = new Map<string, Secret>();
  /** Permissions the caller lacks, for testIamPermissions. */
  readonly lacking = new Set<string>();
  /** The emulators do not implement testIamPermissions. */
  iam = true;
  #count = 0;

  // etags: "the etag string includes quotes", and every modification, also one that changes nothing, makes a new one.
  #etag(): string {
    this.#count += 1;
    return `"${this.#count.toString(16)}"`;
  }
  #secret(name: string): Secret {
    const secret = this.secrets.get(name);
    if (secret === undefined) throw new StatusError(CODE.NOT_FOUND, "Secret not found or has no versions.");
    return secret;
  }
  /** proto: "`latest` is an alias to the most recently created SecretVersion", whatever its state. */
  #version(name: string): Version {
    const [secretName = "", id = ""] = name.split("/versions/");
    const { versions } = this.#secret(secretName);
    const version = id === "latest" ? versions.at(-1) : versions.find((one) => one.name === name);
    if (version === undefined) throw new StatusError(CODE.NOT_FOUND, "Secret Version not found.");
    return version;
  }
  /** etags: "otherwise, it fails with a FAILED_PRECONDITION error"; without one "the request proceeds". */
  #match(asked: string | undefined, stored: string): void {
    if (asked && asked !== stored) throw new StatusError(CODE.FAILED_PRECONDITION, "The etag does not match.");
  }

  createSecret({ parent, secretId = "", secret = {} }: Request): Secret {
    // proto: "maximum length of 255 characters and can contain … letters, numerals, and the hyphen and underscore"
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(secretId)) throw new StatusError(CODE.INVALID_ARGUMENT, "secret_id");
    const name = `${parent}/secrets/${secretId}`;
    if (this.secrets.has(name)) throw new StatusError(CODE.ALREADY_EXISTS, "exists");
    const { labels = {}, annotations = {}, replication = null, customerManagedEncryption = null } = secret;
    if (replication === null) throw new StatusError(CODE.INVALID_ARGUMENT, "replication is required");
    const made = {
      name,
      etag: this.#etag(),
      labels,
      annotations,
      replication,
      customerManagedEncryption,
      versions: [],
    };
    this.secrets.set(name, made);
    return made;
  }
  getSecret({ name = "" }: Request): Secret {
    return this.#secret(name);
  }
  updateSecret({ secret = {}, updateMask }: Request): Secret {
    const stored = this.#secret(secret.name ?? "");
    this.#match(secret.etag, stored.etag);
    const annotations = secret.annotations ?? {};
    // proto: 1 to 63 characters, begin and end alphanumeric; "total size … must be less than 16KiB"
    const bad = Object.keys(annotations).some((key) => !/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/.test(key));
    const size = Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    if (bad || size >= 16_384) throw new StatusError(CODE.INVALID_ARGUMENT, "annotations");
    if (updateMask?.paths.includes("annotations")) stored.annotations = { ...annotations };
    if (updateMask?.paths.includes("labels")) stored.labels = { ...secret.labels };
    stored.etag = this.#etag();
    return stored;
  }
  /** etags: a new version gets its own etag and leaves that of the secret alone. */
  addSecretVersion({ parent = "", payload }: Request): Version {
    const { versions } = this.#secret(parent);
    const data = Buffer.from(payload?.data ?? "");
    if (data.byteLength > 65_536) throw new StatusError(CODE.INVALID_ARGUMENT, "64KiB"); // proto: SecretPayload.data
    const sent = payload?.dataCrc32c ?? null;
    if (sent !== null && Number(sent) !== crc32c(data)) throw new StatusError(CODE.INVALID_ARGUMENT, "data_crc32c");
    const version: Version = {
      name: `${parent}/versions/${versions.length + 1}`, // proto: "start at 1 and are incremented"
      state: "ENABLED",
      etag: this.#etag(),
      createTime: { seconds: Math.floor(Date.now() / 1000), nanos: 0 },
      clientSpecifiedPayloadChecksum: sent !== null,
      data,
    };
    versions.push(version);
    return version;
  }
  /** proto: "sorted in reverse by create_time (newest first)". */
  listSecretVersions({ parent = "", pageSize = 0, pageToken = "" }: Request) {
    const all = this.#secret(parent).versions.toReversed();
    const from = pageToken === "" ? 0 : Number(pageToken);
    const to = from + Math.min(pageSize || 10, this.largestPage);
    return { versions: all.slice(from, to), nextPageToken: to < all.length ? String(to) : "", totalSize: all.length };
  }
  /** Lets tests see several pages. */
  largestPage = 25_000;

  getSecretVersion({ name = "" }: Request): Version {
    return this.#version(name);
  }
  /** proto, State: DISABLED and DESTROYED "may not be accessed"; the service answers FAILED_PRECONDITION. */
  accessSecretVersion({ name = "" }: Request) {
    const version = this.#version(name);
    if (version.state !== "ENABLED") throw new StatusError(CODE.FAILED_PRECONDITION, `is in ${version.state} state.`);
    return { name: version.name, payload: { data: version.data, dataCrc32c: String(crc32c(version.data)) } };
  }
  #change(state: State, { name = "", etag }: Request): Version {
    const version = this.#version(name);
    this.#match(etag, version.etag);
    // proto: "A version may not leave this state once entered."
    if (version.state === "DESTROYED") throw new StatusError(CODE.FAILED_PRECONDITION, "destroyed");
    version.state = state;
    version.etag = this.#etag();
    if (state === "DESTROYED") version.data = Buffer.alloc(0);
    return version;
  }
  disableSecretVersion(request: Request): Version {
    return this.#change("DISABLED", request);
  }
  enableSecretVersion(request: Request): Version {
    return this.#change("ENABLED", request);
  }
  destroySecretVersion(request: Request): Version {
    return this.#change("DESTROYED", request);
  }
  /** proto: of a secret that does not exist "an empty set of permissions, not a NOT_FOUND error". */
  testIamPermissions({ resource = "", permissions = [] }: Request) {
    if (!this.iam) throw new StatusError(CODE.UNIMPLEMENTED, "not implemented");
    const held = this.secrets.has(resource) ? permissions.filter((one) => !this.lacking.has(one)) : [];
    return { permissions: held };
  }
}

export const METHODS = [
  "createSecret",
  "getSecret",
  "updateSecret",
  "addSecretVersion",
  "listSecretVersions",
  "getSecretVersion",
  "accessSecretVersion",
  "disableSecretVersion",
  "enableSecretVersion",
  "destroySecretVersion",
  "testIamPermissions",
] as const;
export type Method = (typeof METHODS)[number];
/** The calls that change something. */
export const WRITES: readonly Method[] = METHODS.filter((name) =>
  /^(create|update|add|disable|enable|destroy)/.test(name),
);
