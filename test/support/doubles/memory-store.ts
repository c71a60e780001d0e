import type { SecretStore, StoredValue } from "../../../src/ports/secret-store.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { physicalIdOf } from "../../../src/rotation/locks.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { SecretText, fingerprintOf } from "../../../src/rotation/secret.ts";
import { checkMarks } from "../../../src/stores/mark-entries.ts";
import type { Writes } from "./writes.ts";

interface PendingEntry {
  value: string;
  base: string;
  at: number;
}
/** One secret as its manager keeps it: what applications read, and everything beside it. */
export interface MemorySecret {
  document: Record<string, string>;
  pending: Map<string, PendingEntry>;
  previous: Map<string, string>;
  operators: Map<string, { value: string; at: number }>;
  marks: Record<string, string>;
}
export type Secrets = Map<string, MemorySecret>;

const place = (rotationId: string, field: string): string => `${rotationId}.${field}`;
const fieldOf = (dest: Destination): string => dest.field ?? "value";

/**
 * A secrets manager in memory, kept to the contract of the port (test/contract/memory.test.ts). `fail` is asked before
 * every call and may throw what the manager would answer; `after` is asked after every write, to lose its reply.
 */
export class MemoryStore implements SecretStore {
  readonly type = "dotenv-file";
  readonly conditionalWrite = true;
  readonly location: Record<string, string> = { directory: "secrets" };
  readonly secrets: Secrets;
  readonly #writes: Writes;
  readonly #now: () => number;
  fail: (call: string, dest: Destination) => void = () => undefined;
  after: (call: string) => void = () => undefined;

  constructor(given: { secrets?: Secrets; writes?: Writes; now?: () => number } = {}) {
    this.secrets = given.secrets ?? new Map<string, MemorySecret>();
    this.#writes = given.writes ?? [];
    this.#now = given.now ?? Date.now;
  }

  /** As an administrator: creates the secret, or replaces what applications read. */
  put(secret: string, document: Record<string, string>): void {
    const there = this.secrets.get(secret);
    if (there !== undefined) there.document = { ...document };
    else
      this.secrets.set(secret, {
        document: { ...document },
        pending: new Map(),
        previous: new Map(),
        operators: new Map(),
        marks: {},
      });
  }
  /** As an operator: leaves a value where pending values belong. */
  stageByHand(dest: Destination, value: string): void {
    this.#existing(dest).operators.set(fieldOf(dest), { value, at: this.#now() });
  }

  physicalId(dest: Destination): string {
    return physicalIdOf(dest);
  }
  async read(dest: Destination): Promise<StoredValue | null> {
    this.#asked("read", dest);
    const value = this.secrets.get(dest.secret)?.document[fieldOf(dest)] ?? "";
    return value === "" ? null : { value: SecretText.from(value), version: fingerprintOf(value) };
  }
  async preflight(dest: Destination): Promise<void> {
    this.#asked("preflight", dest);
    this.#value(dest);
    this.#wrote("preflight", dest);
  }

  async stage(
    dest: Destination,
    value: SecretText,
    rotationId: string,
  ): Promise<{ version: string; baseVersion: string }> {
    this.#asked("stage", dest);
    const base = fingerprintOf(this.#value(dest));
    const secret = this.#existing(dest);
    const at = place(rotationId, fieldOf(dest));
    const operators = secret.operators.get(fieldOf(dest))?.value;
    const text = value.use((t) => t);
    if (operators !== undefined && operators !== text) throw new KeyturnError("FOREIGN_PENDING", dest.secret);
    const ours = secret.pending.get(at);
    if (ours?.value !== text || ours.base !== base || operators !== undefined) {
      secret.operators.delete(fieldOf(dest));
      secret.pending.set(at, { value: text, base, at: this.#now() });
      this.#wrote("stage", dest);
    }
    return { version: value.fingerprint, baseVersion: base };
  }
  async readPending(dest: Destination, rotationId: string): ReturnType<SecretStore["readPending"]> {
    this.#asked("readPending", dest);
    const secret = this.secrets.get(dest.secret);
    const ours = secret?.pending.get(place(rotationId, fieldOf(dest)));
    if (ours !== undefined)
      return { ...this.#pending(ours.value), rotationId, baseVersion: ours.base, writtenAt: ours.at };
    const operators = secret?.operators.get(fieldOf(dest));
    return operators === undefined
      ? null
      : { ...this.#pending(operators.value), rotationId: null, baseVersion: null, writtenAt: operators.at };
  }
  async promote(dest: Destination, rotationId: string, baseVersion: string): Promise<{ version: string }> {
    this.#asked("promote", dest);
    const secret = this.#existing(dest);
    const at = place(rotationId, fieldOf(dest));
    const staged = secret.pending.get(at);
    if (staged === undefined) throw new KeyturnError("STORE_CONFLICT", `Nothing is staged for ${dest.secret}.`);
    const current = secret.document[fieldOf(dest)] ?? "";
    if (current !== staged.value) {
      if (fingerprintOf(current) !== baseVersion || staged.base !== baseVersion)
        throw new KeyturnError("BASE_CHANGED", dest.secret);
      secret.previous.set(at, current);
      secret.document[fieldOf(dest)] = staged.value;
      this.#wrote("promote", dest);
    }
    return { version: fingerprintOf(staged.value) };
  }
  async rollBack(
    dest: Destination,
    rotationId: string,
    replacement: string,
    previous: string,
  ): ReturnType<SecretStore["rollBack"]> {
    this.#asked("rollBack", dest);
    const secret = this.#existing(dest);
    const now = fingerprintOf(secret.document[fieldOf(dest)] ?? "");
    if (now === previous) return "not_promoted";
    if (now !== replacement) return "changed_by_others";
    const kept = secret.previous.get(place(rotationId, fieldOf(dest)));
    if (kept === undefined || fingerprintOf(kept) !== previous) return "nothing_to_restore";
    secret.document[fieldOf(dest)] = kept;
    this.#wrote("rollBack", dest);
    return "rolled_back";
  }

  async discardPending(dest: Destination, rotationId: string, options: { operators?: boolean } = {}): Promise<void> {
    this.#asked("discardPending", dest);
    const secret = this.secrets.get(dest.secret);
    const ours = secret?.pending.delete(place(rotationId, fieldOf(dest))) ?? false;
    const theirs = options.operators === true && (secret?.operators.delete(fieldOf(dest)) ?? false);
    if (ours || theirs) this.#wrote("discardPending", dest);
  }
  async discardPrevious(dest: Destination, rotationId: string): Promise<void> {
    this.#asked("discardPrevious", dest);
    if (this.secrets.get(dest.secret)?.previous.delete(place(rotationId, fieldOf(dest))) === true)
      this.#wrote("discardPrevious", dest);
  }
  async listPending(dest: Destination): Promise<string[]> {
    this.#asked("listPending", dest);
    const secret = this.secrets.get(dest.secret);
    const names = [...(secret?.pending.keys() ?? []), ...(secret?.previous.keys() ?? [])];
    return [...new Set(names.map((name) => name.slice(0, name.indexOf("."))))];
  }
  async readMarks(dest: Destination): Promise<Record<string, string>> {
    this.#asked("readMarks", dest);
    return { ...this.secrets.get(dest.secret)?.marks };
  }
  async mark(dest: Destination, entries: Record<string, string | null>): Promise<void> {
    this.#asked("mark", dest);
    checkMarks(entries);
    const { marks } = this.#existing(dest);
    const changed = Object.entries(entries).filter(([name, value]) => (marks[name] ?? null) !== value);
    for (const [name, value] of changed) {
      if (value === null) delete marks[name];
      else marks[name] = value;
    }
    if (changed.length > 0) this.#wrote("mark", dest);
  }
  async close(): Promise<void> {}

  #asked(call: string, dest: Destination): void {
    this.fail(call, dest);
  }
  #wrote(call: string, dest: Destination): void {
    this.#writes.push(`store: ${call} ${dest.secret}`);
    this.after(call);
  }
  #existing(dest: Destination): MemorySecret {
    const secret = this.secrets.get(dest.secret);
    if (secret === undefined) throw new KeyturnError("STORE_MISSING", dest.secret);
    return secret;
  }
  #value(dest: Destination): string {
    const value = this.#existing(dest).document[fieldOf(dest)] ?? "";
    if (value === "") throw new KeyturnError("STORE_MISSING", `${dest.secret}, ${fieldOf(dest)}`);
    return value;
  }
  #pending(value: string): { value: SecretText; version: string; onlyOurField: boolean } {
    return { value: SecretText.from(value), version: fingerprintOf(value), onlyOurField: true };
  }
}
