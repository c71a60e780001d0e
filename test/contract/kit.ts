import { inspect } from "node:util";
import { expect } from "vitest";
import type { SecretStore } from "../../src/ports/secret-store.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import type { Destination } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { makeKey } from "../support/keys.ts";
import type { Document, StoreTraits, StoreWorld } from "./store-world.ts";

export const OUTGOING = makeKey("contract-outgoing");
export const REPLACEMENT = makeKey("contract-replacement");
export const THIRD = makeKey("contract-third");
const KEYS = [OUTGOING, REPLACEMENT, THIRD];
const FIELD = "ANTHROPIC_API_KEY";
export const R1 = "rot_contract-1";
export const R2 = "rot_contract-2";

export const secretOf = (text: string) => SecretText.from(text);
export const fingerprint = (text: string) => secretOf(text).fingerprint;
export const textOf = (value: { value: SecretText } | null) => value?.value.use((text) => text) ?? null;

/** No form of a key in `text`: whole, base64, or more of its random part than a hint shows. */
export function expectNoKeyIn(text: string, keys: readonly string[] = KEYS): void {
  for (const key of keys) {
    const parts = [
      key,
      Buffer.from(key).toString("base64"),
      Buffer.from(key).toString("hex"),
      key.slice(13, 33),
      key.slice(-24),
    ];
    for (const part of parts) expect(text.includes(part)).toBe(false);
  }
}

/** The error of a call that must fail; it is a KeyturnError, and nothing in it shows a key (P3). */
export async function failure(call: Promise<unknown>): Promise<KeyturnError> {
  const error = await call.then(
    () => expect.fail("the call should have failed"),
    (thrown: unknown) => thrown,
  );
  expectNoKeyIn(inspect(error, { depth: 12, showHidden: true }));
  expect(error).toBeInstanceOf(KeyturnError);
  return error as KeyturnError;
}

/** Repeats a call whose every write loses its answer, as the workers do, until it finds its work done. */
export async function untilDone<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 12; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" });
      expectNoKeyIn(inspect(error, { depth: 12 }));
    }
  }
  return expect.fail("twelve repetitions did not come to an end");
}

/** What the parts of the suite share: one store in its world, and a secret of its own for each test. */
export class Kit {
  readonly traits: StoreTraits;
  readonly field: string;
  /** Fields of others in the same secret. */
  readonly others: Document;
  #open: { world: StoreWorld; store: SecretStore } | null = null;
  #count = 0;

  constructor(traits: StoreTraits) {
    this.traits = traits;
    this.field = traits.fields ? FIELD : "value";
    this.others = traits.fields ? { DB_PASSWORD: "hunter2 = #x", EMPTY: "", LAST: "ümlaut" } : {};
  }

  async start(): Promise<void> {
    const world = await this.traits.world();
    this.#open = { world, store: await world.open() };
  }
  async stop(): Promise<void> {
    await this.#open?.store.close();
    await this.#open?.world.close();
  }
  get world(): StoreWorld {
    return this.#opened.world;
  }
  get store(): SecretStore {
    return this.#opened.store;
  }
  get #opened(): { world: StoreWorld; store: SecretStore } {
    if (this.#open === null) throw new Error("the world is not open yet");
    return this.#open;
  }

  /** A secret of its own for each test, holding the outgoing key. */
  given = async (more: Document = {}): Promise<Destination> => {
    this.#count += 1;
    const secret = `contract-${this.#count}`;
    await this.world.put(secret, { ...this.others, [this.field]: OUTGOING, ...more });
    return this.world.destination(secret, this.field);
  };
  read = (dest: Destination): Promise<Document> => this.world.applicationsRead(dest.secret);
  stage = (dest: Destination, key = REPLACEMENT, rotation = R1): ReturnType<SecretStore["stage"]> =>
    this.store.stage(dest, secretOf(key), rotation);
  /** Stages and promotes the replacement. @returns the base version */
  promoted = async (dest: Destination): Promise<string> => {
    const { baseVersion } = await this.stage(dest);
    await this.store.promote(dest, R1, baseVersion);
    return baseVersion;
  };
}
