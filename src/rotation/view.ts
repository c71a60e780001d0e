import { expectedQuietMs } from "./drain.ts";
import type { HistoryEntry, Instant, KeyFacts, Rotation } from "./record.ts";
import { STATES } from "./states.ts";

const time = (at: Instant | null): string | null => (at === null ? null : new Date(at).toISOString());
const key = (k: KeyFacts | null) => (k === null ? null : { id: k.id, name: k.name, hint: k.hint });

/** The documented JSON form of a rotation (`show --json`, `list --json`). Unknown is null and never absent. */
export function viewOf(r: Rotation, holds: readonly string[] = []) {
  const next = STATES[r.state];
  const aPersonIsNext = next === "approver" || next === "operator" || next === "person" || r.attention !== null;
  return {
    schema: 1 as const,
    id: r.id,
    install: r.install,
    target: r.target,
    state: r.state,
    reason: r.reason,
    outgoingKey: { id: r.outgoing.id, name: r.outgoing.name, hint: r.outgoing.hint },
    replacementKey: key(r.replacement),
    needsAttention:
      r.attention === null ? null : { code: r.attention.code, message: r.attention.message, next: r.attention.next },
    dueAt: aPersonIsNext || next === null ? null : time(nextActAt(r)),
    createdAt: new Date(r.createdAt).toISOString(),
    enteredAt: new Date(r.enteredAt).toISOString(),
    history: r.history.map((h: HistoryEntry) => ({
      at: new Date(h.at).toISOString(),
      event: h.event,
      actor: h.actor,
      via: h.via,
    })),
    revision: r.revision,
    planHash: r.planHash,
    plan: r.plan,
    expectedQuietMs: expectedQuietMs(r),
    approvals: r.approvals.map((a) => ({ actor: a.actor, via: a.via, at: new Date(a.at).toISOString() })),
    deadline: time(r.deadline),
    holds,
    notBefore: time(r.notBefore),
    rebuiltFrom: r.rebuilt,
    note: r.note?.text ?? null,
  };
}
export type RotationView = ReturnType<typeof viewOf>;

/** When we act next: the end of the grace period where there is one, else the next look. */
function nextActAt(r: Rotation): Instant | null {
  // A key of no target is never archived by itself (R4): a person is next.
  if (r.state === "grace_period" && r.target === null) return null;
  return r.state === "grace_period" && r.graceEndsAt !== null ? r.graceEndsAt : r.wakeAt;
}
