import { inspect } from "node:util";
import { onTestFinished } from "vitest";
import type { SecretStore } from "../../../src/ports/secret-store.ts";
import type { KeyturnError } from "../../../src/rotation/errors.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import type { GoogleSecretManagerOptions } from "../../../src/stores/google-secret-manager/options.ts";
import { openGoogleSecretManager } from "../../../src/stores/google-secret-manager/store.ts";
import { makeKey } from "../keys.ts";
import { type Method, type Request, SecretManager } from "./secret-manager.ts";
import { type Faults, serveGoogle } from "./server.ts";

export const OUTGOING = makeKey("google-outgoing");
export const REPLACEMENT = makeKey("google-replacement");
export const R1 = "rot_google-1";
export const FIELD = "ANTHROPIC_API_KEY";
export const PROJECT = "keyturn-test";
export const named = (secret: string): string => `projects/${PROJECT}/secrets/${secret}`;
export const secret = (text: string): SecretText => SecretText.from(text);
export const print = (doc: object): string => JSON.stringify(doc, null, 1);

/** One server whose faults may be exchanged while it runs, a store on it, and a look into its state. */
export interface Rig {
  state: SecretManager;
  store: SecretStore;
  /** The calls that reached the server, in order: method and secret. */
  calls: string[];
  /** Replaced by a test to interfere with the store's calls. */
  faults: Faults;
  open(options?: Partial<GoogleSecretManagerOptions> & { timeoutMs?: number }): Promise<SecretStore>;
  dest(name?: string, field?: string | null): Destination;
  /** Adds a version as somebody else would. */
  put(name: string, text: string): string;
  /** Every payload of a secret, oldest first; null when it cannot be read. */
  payloads(name: string): (string | null)[];
}

/** @param document of the secret "app", whose companion exists; ends with the test */
export async function rig(document: string = print({ [FIELD]: OUTGOING, DB: "one" })): Promise<Rig> {
  const state = new SecretManager();
  const one: Rig = {
    state,
    store: undefined as unknown as SecretStore,
    calls: [],
    faults: {},
    open: async (options = {}) => {
      const all = { project: PROJECT, endpoint, insecure: true, companion: "provisioned" as const, ...options };
      const store = await openGoogleSecretManager(all, "prod");
      onTestFinished(() => store.close());
      return store;
    },
    dest: (name = "app", field = FIELD) => ({
      store: "prod",
      type: "google-secret-manager",
      location: { project: PROJECT },
      secret: name,
      field,
    }),
    put: (name, text) => state.addSecretVersion({ parent: named(name), payload: { data: Buffer.from(text) } }).name,
    payloads: (name) =>
      state
        .getSecret({ name: named(name) })
        .versions.map((v) => (v.state === "ENABLED" ? v.data.toString("utf8") : null)),
  };
  const server = await serveGoogle(state, {
    before: (method, request) => {
      one.calls.push(`${method} ${nameIn(request)}`);
      return one.faults.before?.(method, request);
    },
    after: (method, request, answer) => one.faults.after?.(method, request, answer),
  });
  const { endpoint } = server;
  onTestFinished(() => server.close());
  for (const name of ["app", "app-keyturn-pending"]) {
    state.createSecret({ parent: `projects/${PROJECT}`, secretId: name, secret: { replication: { automatic: {} } } });
  }
  one.put("app", document);
  one.store = await one.open();
  return one;
}

const nameIn = (request: Request): string =>
  /\/secrets\/([^/]+)/.exec(request.name ?? request.parent ?? request.resource ?? request.secret?.name ?? "")?.[1] ??
  "";

/** Runs `act` once, right before (or after) the next call of that method on that secret takes effect. */
export function once(when: "before" | "after", method: Method, name: string, act: () => void | Promise<void>): Faults {
  let done = false;
  return {
    [when]: async (called: Method, request: Request) => {
      if (done || called !== method || nameIn(request) !== name) return;
      done = true;
      await act();
    },
  };
}

/** The KeyturnError of a call that must fail. */
export const failure = async (call: Promise<unknown>): Promise<KeyturnError> =>
  call.then(
    (value) => {
      throw new Error(`should have failed: ${inspect(value)}`);
    },
    (error: unknown) => error as KeyturnError,
  );
