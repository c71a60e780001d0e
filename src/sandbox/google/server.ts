import { createRequire } from "node:module";
import type * as Gax from "google-gax";
import { type Method, METHODS, type Request, type SecretManager, StatusError, CODE, WRITES } from "./secret-manager.ts";

/** What happens to calls on one listener: all of them share the state, so that faults can be chosen per client. */
export interface Faults {
  /** Runs before a call takes effect; a StatusError thrown here is the answer, and nothing happens. */
  before?(method: Method, request: Request): void | Promise<void>;
  /** Runs after a call took effect; may change the answer, and a StatusError thrown here replaces it. */
  after?(method: Method, request: Request, answer: object): void | Promise<void>;
}

/** Every call refused. The text stands for a vendor that quotes what it was sent. */
export const denied: Faults = {
  before: () => {
    throw new StatusError(CODE.PERMISSION_DENIED, "Permission denied");
  },
};
export const down: Faults = {
  before: () => {
    throw new StatusError(CODE.UNAVAILABLE, "The service is currently unavailable");
  },
};
/** Success, then no answer: the write took effect. */
export const replyLost: Faults = {
  after: (method) => {
    if (WRITES.includes(method)) throw new StatusError(CODE.UNAVAILABLE, "read ECONNRESET");
  },
};

// The gRPC implementation that the official client brings along, and the proto it was made from.
const fromSdk = createRequire(createRequire(import.meta.url).resolve("@google-cloud/secret-manager"));
const { grpc } = fromSdk("google-gax") as typeof Gax;
const loader = createRequire(fromSdk.resolve("google-gax"))("@grpc/proto-loader") as {
  fromJSON(json: object, options: object): Record<string, unknown>;
};
const SERVICE = "google.cloud.secretmanager.v1.SecretManagerService";

type Callback = (error: { code: number; details: string } | null, answer?: object) => void;

/** Serves `state` over gRPC in plain text on a free loopback port. @returns host:port, and how to end it */
export async function serveGoogle(
  state: SecretManager,
  faults: Faults = {},
): Promise<{ endpoint: string; close(): void }> {
  const json = fromSdk("../protos/protos.json") as object;
  const definition = loader.fromJSON(json, { longs: String, enums: String, defaults: false })[SERVICE];
  const handlers = Object.fromEntries(
    METHODS.map((method) => [
      method,
      ({ request }: { request: Request }, callback: Callback) => void reply(state, faults, method, request, callback),
    ]),
  );
  const server = new grpc.Server();
  server.addService(definition as Parameters<typeof server.addService>[0], handlers as never);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { endpoint: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

async function reply(state: SecretManager, faults: Faults, method: Method, request: Request, callback: Callback) {
  let value: object;
  try {
    await faults.before?.(method, request);
    value = copyOf<object>(state[method](request));
    await faults.after?.(method, request, value);
  } catch (error) {
    const code = error instanceof StatusError ? error.code : 13;
    callback({ code, details: String(error) });
    return;
  }
  callback(null, value);
}

/** What was true when the call took effect; the state may move on before the answer is sent. */
function copyOf<T>(value: T): T {
  if (Buffer.isBuffer(value)) return Buffer.from(value) as T;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyOf<unknown>(part)])) as T;
}
