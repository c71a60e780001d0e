import type { AdminKey, KeyAdmin, KeyVerifier, LiveAnswer, UsageWindow } from "../../../src/ports/key-admin.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import type { Instant } from "../../../src/rotation/record.ts";
import type { SecretText } from "../../../src/rotation/secret.ts";
import { hintOf } from "../../../src/rotation/secret.ts";
import { makeKey } from "../keys.ts";
import { DAY } from "../records.ts";
import type { Writes } from "./writes.ts";

export interface TestKey {
  id: string;
  text: string;
}

/** An organization with its keys: the Admin API, and the API that a key opens. */
export class Organization {
  readonly keys = new Map<string, AdminKey>();
  /** Answers of the live API that are not what the key's status says, by key id. */
  readonly answers = new Map<string, LiveAnswer>();
  readonly usageOf = new Map<string, Partial<UsageWindow>>();
  pageSize = 100;
  /** Throws after so many pages of keys; null: never. */
  failsAfterPages: number | null = null;
  /** Live calls made, by key id. */
  readonly liveCalls: string[] = [];
  readonly #texts = new Map<string, string>();
  readonly #now: () => Instant;
  readonly #writes: Writes;

  constructor(given: { now: () => Instant; writes: Writes }) {
    this.#now = given.now;
    this.#writes = given.writes;
  }

  /** A key that a person created. Its hint is the real one unless the test says otherwise. */
  addKey({ name, ageDays = 0, ...more }: { name: string; ageDays?: number } & Partial<AdminKey>): TestKey {
    const id = more.id ?? `apikey_${String(this.keys.size + 1).padStart(3, "0")}`;
    const text = makeKey(`${id}/${name}`);
    this.#texts.set(text, id);
    this.keys.set(id, {
      id,
      name,
      status: "active",
      createdAt: this.#now() - ageDays * DAY,
      expiresAt: null,
      hint: hintOf(text),
      createdBy: "user_ana",
      principal: null,
      scope: "workspace",
      workspaceId: "wrkspc_1",
      ...more,
    });
    return { id, text };
  }
  key(id: string): AdminKey {
    const found = this.keys.get(id);
    if (found === undefined) throw new Error(`the organization has no key ${id}`);
    return found;
  }
  /** As somebody in the Console. */
  change(id: string, change: Partial<AdminKey>): void {
    this.keys.set(id, { ...this.key(id), ...change });
  }

  /** Of people, by `user_…` id. */
  readonly emails = new Map<string, string>();

  readonly admin: KeyAdmin = {
    organization: async () => ({ value: { id: "org", name: "Test" }, serverTime: this.#now() }),
    listKeys: () => this.#pages(),
    getKey: async (id) => ({ value: this.keys.get(id) ?? null, serverTime: this.#now() }),
    userEmail: async (id) => this.emails.get(id) ?? null,
    setKeyStatus: async (id, status) => {
      this.#writes.push(`admin: ${id} ${status}`);
      const key = this.key(id);
      if (key.status === "archived" && status !== "archived") throw new KeyturnError("ADMIN_REFUSED", "(400)");
      this.change(id, { status });
      return { value: this.key(id), serverTime: this.#now() };
    },
    usage: async (id) => ({
      requests: 0,
      tokens: 0,
      lastUsedAt: null,
      days: [],
      freshUntil: this.#now(),
      source: "analytics",
      ...this.usageOf.get(id),
    }),
  };

  readonly verifier: KeyVerifier = {
    authenticate: async (key) => this.#answer(key),
    infer: async (key) => this.#answer(key),
  };

  #answer(value: SecretText): LiveAnswer {
    const id = value.use((text) => this.#texts.get(text));
    if (id === undefined) return { verdict: "rejected", status: 401 };
    this.liveCalls.push(id);
    const given = this.answers.get(id);
    if (given !== undefined) return given;
    const key = this.key(id);
    if (key.status !== "active") return { verdict: "rejected", status: 401 };
    return { verdict: "ok", organizationId: "org", workspaceId: key.workspaceId, requestId: "req_1", tokens: 1 };
  }

  async *#pages(): AsyncGenerator<readonly AdminKey[]> {
    const all = [...this.keys.values()];
    for (let at = 0, page = 0; at < all.length || page === 0; at += this.pageSize, page++) {
      if (page === this.failsAfterPages) throw new KeyturnError("ADMIN_UNAVAILABLE", "(503)");
      yield all.slice(at, at + this.pageSize);
    }
  }
}
