import type { AuditDraft } from "../../../src/ports/audit.ts";
import type {
  Aftermath,
  Commit,
  HoldStore,
  KeptReport,
  Leases,
  RotationStore,
  ScanLog,
} from "../../../src/ports/rotations.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import type { Instant, Rotation } from "../../../src/rotation/record.ts";
import { isFinal } from "../../../src/rotation/states.ts";
import type { Writes } from "./writes.ts";

/** All that Redis keeps of an installation; cloned for a backup, emptied for a loss. */
export interface RedisState {
  records: Map<string, { json: string; revision: number; locks: string[] }>;
  locks: Map<string, string>;
  aftermath: Map<string, Aftermath>;
  holds: Record<string, { actor: string; at: Instant }>;
  leases: Map<string, { token: number; until: Instant }>;
  lastScan: Instant | null;
  statuses: Record<string, string>;
  fingerprints: Record<string, string>;
  report: KeptReport | null;
}
export const emptyRedis = (): RedisState => ({
  records: new Map(),
  locks: new Map(),
  aftermath: new Map(),
  holds: {},
  leases: new Map(),
  lastScan: null,
  statuses: {},
  fingerprints: {},
  report: null,
});

/** The ports that live in Redis, with the compare-and-set and the locks of the real scripts. */
export class MemoryRedis {
  state: RedisState = emptyRedis();
  readonly #now: () => Instant;
  readonly #writes: Writes;
  readonly #audit: (drafts: readonly AuditDraft[]) => void;
  #tokens = 0;

  constructor(given: { now: () => Instant; writes: Writes; audit: (drafts: readonly AuditDraft[]) => void }) {
    this.#now = given.now;
    this.#writes = given.writes;
    this.#audit = given.audit;
  }

  /** What an operator's backup would hold now. */
  backup(): RedisState {
    return structuredClone(this.state);
  }
  /** FLUSHALL, or a restore of an older backup. */
  restore(state: RedisState = emptyRedis()): void {
    this.state = structuredClone(state);
  }

  readonly rotations: RotationStore = {
    load: async (id) => this.#load(id),
    commit: async (commit) => this.#commit(commit),
    openIds: async () =>
      this.#all()
        .filter((r) => !isFinal(r.state))
        .toSorted((a, b) => a.createdAt - b.createdAt)
        .map((r) => r.id),
    all: () => pages(this.#all().toSorted((a, b) => b.createdAt - a.createdAt || b.id.localeCompare(a.id))),
    idsStartingWith: async (prefix) => [...this.state.records.keys()].filter((id) => id.startsWith(prefix)).slice(0, 2),
    holderOf: async (lock) => this.state.locks.get(lock) ?? null,
    aftermathOf: async (target) => this.state.aftermath.get(target) ?? null,
    due: async (until, limit) =>
      this.#all()
        .flatMap((r) =>
          r.wakeAt !== null && r.wakeAt <= until ? [{ id: r.id, wakeAt: r.wakeAt, revision: r.revision }] : [],
        )
        .toSorted((a, b) => a.wakeAt - b.wakeAt)
        .slice(0, limit),
    serverTime: async () => this.#now(),
  };

  readonly leases: Leases = {
    acquire: async (name, ttlMs) => {
      const held = this.state.leases.get(name);
      if (held !== undefined && held.until > this.#now()) throw new KeyturnError("LOCK_HELD", `(lease ${name})`);
      const token = ++this.#tokens;
      this.state.leases.set(name, { token, until: this.#now() + ttlMs });
      this.#writes.push(`redis: lease ${name}`);
      const mine = () => this.state.leases.get(name)?.token === token;
      return {
        renew: async () => {
          if (!mine()) throw new KeyturnError("LOCK_HELD", `(lease ${name})`);
          this.state.leases.set(name, { token, until: this.#now() + ttlMs });
        },
        release: async () => {
          if (mine()) this.state.leases.delete(name);
        },
      };
    },
  };

  readonly holds: HoldStore = {
    list: async () => ({ ...this.state.holds }),
    set: async (subject, actor, audit) => {
      this.#writes.push(`redis: hold ${subject}`);
      this.state.holds[subject] = { actor, at: audit.at };
      this.#audit([audit]);
    },
    remove: async (subject, audit) => {
      this.#writes.push(`redis: unhold ${subject}`);
      delete this.state.holds[subject];
      this.#audit([audit]);
    },
  };

  readonly scanLog: ScanLog = {
    lastSuccess: async () => this.state.lastScan,
    record: async (at) => {
      this.#writes.push("redis: scan recorded");
      this.state.lastScan = at;
    },
    statuses: async () => ({ ...this.state.statuses }),
    rememberStatuses: async (statuses) => {
      this.#writes.push("redis: statuses");
      this.state.statuses = { ...statuses };
    },
    report: async () => structuredClone(this.state.report),
    rememberReport: async (report) => {
      this.#writes.push("redis: scan report");
      this.state.report = structuredClone(report);
    },
    seenFingerprints: async () => ({ ...this.state.fingerprints }),
    rememberFingerprint: async (fingerprint, target) => {
      this.#writes.push("redis: fingerprint");
      this.state.fingerprints[fingerprint] = target;
    },
  };

  #load(id: string): Rotation | null {
    const found = this.state.records.get(id);
    return found === undefined ? null : (JSON.parse(found.json) as Rotation);
  }
  #all(): Rotation[] {
    return [...this.state.records.keys()].map((id) => this.#load(id)).filter((r) => r !== null);
  }

  #commit({ record, expectedRevision, locks, audit, aftermath }: Commit): void {
    if (record.revision <= expectedRevision) throw new KeyturnError("INTERNAL", "(a commit must raise the revision)");
    const there = this.state.records.get(record.id);
    if ((there?.revision ?? 0) !== expectedRevision)
      throw new KeyturnError("CONFLICT", `(${record.id} is at revision ${there?.revision ?? 0})`);
    for (const lock of locks) {
      const holder = this.state.locks.get(lock);
      if (holder !== undefined && holder !== record.id)
        throw new KeyturnError("LOCK_HELD", `(${lock} is held by ${holder})`);
    }
    for (const lock of there?.locks ?? [])
      if (!locks.includes(lock) && this.state.locks.get(lock) === record.id) this.state.locks.delete(lock);
    for (const lock of locks) this.state.locks.set(lock, record.id);
    this.state.records.set(record.id, { json: JSON.stringify(record), revision: record.revision, locks: [...locks] });
    for (const target of aftermath?.targets ?? []) {
      if (aftermath?.value == null) this.state.aftermath.delete(target);
      else this.state.aftermath.set(target, aftermath.value);
    }
    this.#writes.push(`redis: commit ${record.id}`);
    this.#audit(audit);
  }
}

async function* pages(records: readonly Rotation[]): AsyncGenerator<Rotation> {
  yield* records;
}
