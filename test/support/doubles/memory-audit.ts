import { lastKnownGatherer } from "../../../src/audit/last-known.ts";
import type { AuditDraft, AuditEntry, AuditTrail } from "../../../src/ports/audit.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import type { Writes } from "./writes.ts";

/** The chain and its sink in one; what is in it outlives Redis. Hashes are only numbers here. */
export class MemoryAudit implements AuditTrail {
  readonly sink: AuditEntry[] = [];
  /** `none`: only log lines; `broken`: the chain does not verify, so it proves nothing; `full`: cannot be written. */
  condition: "good" | "none" | "broken" | "full" = "good";
  readonly #install: string;
  readonly #writes: Writes;

  constructor(given: { install: string; writes: Writes }) {
    this.#install = given.install;
    this.#writes = given.writes;
  }

  /** What a script of Redis does: links the entries, which are then handed to the sink. */
  readonly link = (drafts: readonly AuditDraft[]): void => {
    for (const draft of drafts) {
      const seq = this.sink.length + 1;
      const entry = {
        ...draft,
        schema: 1,
        install: this.#install,
        epoch: 1,
        seq,
        prev: String(seq - 1),
        hash: String(seq),
      };
      this.sink.push(JSON.parse(JSON.stringify(entry)) as AuditEntry);
    }
  };
  /** Actions on record, oldest first. */
  actions(): string[] {
    return this.sink.map((entry) => entry.action);
  }

  async append(drafts: readonly AuditDraft[]): Promise<void> {
    this.#writes.push(`audit: ${drafts.map((d) => d.action).join(", ")}`);
    this.link(drafts);
  }
  async sync(): Promise<void> {
    if (this.condition === "full") throw new KeyturnError("SINK_UNAVAILABLE");
  }
  async reconcile(): Promise<void> {
    this.#writes.push("audit: reconcile");
  }
  async verify(): ReturnType<AuditTrail["verify"]> {
    if (this.condition === "none") throw new KeyturnError("SINK_UNAVAILABLE");
    const entries = this.sink.length;
    if (this.condition === "broken")
      return { intact: false, firstBad: { epoch: 1, seq: 1 }, why: "changed", entries, source: "memory" };
    return { intact: true, head: await this.head(), entries, epochs: 1, unshippedTail: 0, source: "memory" };
  }
  async *entries(): AsyncGenerator<AuditEntry> {
    yield* this.sink;
  }
  async lastKnown(): ReturnType<AuditTrail["lastKnown"]> {
    if (this.condition === "none" || this.condition === "broken") return null;
    const gatherer = lastKnownGatherer();
    for (const entry of this.sink) gatherer.take(entry);
    return gatherer.result();
  }
  async head(): ReturnType<AuditTrail["head"]> {
    const last = this.sink.at(-1);
    return last === undefined ? null : { epoch: last.epoch, seq: last.seq, hash: last.hash };
  }
  async unshipped(): Promise<number> {
    return 0;
  }
  async close(): Promise<void> {}
}
