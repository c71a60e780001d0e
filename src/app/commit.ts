import { isBehind, onRecord } from "../rotation/behind.ts";
import type { AuditDraft } from "../ports/audit.ts";
import type { Aftermath } from "../ports/rotations.ts";
import { aboutOf } from "../rotation/about.ts";
import { locksOf } from "../rotation/locks.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { isFinal } from "../rotation/states.ts";
import { type Move, amend, move } from "../rotation/transition.ts";
import type { Deps } from "./deps.ts";

/** The record as the audit sink keeps it: without the history, which the chain itself is. */
export function checkpointOf(record: Rotation): Omit<Rotation, "history"> {
  const { history: _history, ...rest } = record;
  return rest;
}

function draft(
  record: Rotation,
  entry: Pick<AuditDraft, "at" | "action" | "actor" | "via"> & { evidence?: Record<string, unknown> },
): AuditDraft {
  return {
    ...entry,
    evidence: entry.evidence ?? {},
    rotation: record.id,
    target: record.target,
    // What is out of date must not become the sink's newest word, from which it is to be rebuilt.
    ...(isBehind(record) ? {} : { checkpoint: checkpointOf(record) }),
  };
}

/** A final state other than completed counts as a failure; completed clears the count; snoozed is neither (R20). */
export async function aftermathOf(
  deps: Deps,
  record: Rotation,
): Promise<{ targets: readonly string[]; value: Aftermath | null } | undefined> {
  const targets = record.plan.targets;
  if (!isFinal(record.state) || targets.length === 0) return undefined;
  if (record.state === "completed") return { targets, value: null };
  const before = await deps.rotations.aftermathOf(targets[0] as string);
  const failures = (before?.failures ?? 0) + (record.state === "snoozed" ? 0 : 1);
  return { targets, value: { rotationId: record.id, state: record.state, notBefore: record.notBefore, failures } };
}

/**
 * Saves a move by compare-and-set together with its audit entry, then asks the workers to look.
 * @throws CONFLICT when the record moved meanwhile, LOCK_HELD when another rotation occupies what this one needs
 */
export async function commitMove(
  deps: Deps,
  before: Rotation,
  step: Move,
  evidence: Record<string, unknown> = {},
): Promise<Rotation> {
  const after = onRecord(before, move(before, step));
  const aftermath = await aftermathOf(deps, after);
  await deps.rotations.commit({
    record: after,
    expectedRevision: before.revision,
    locks: locksOf(after),
    left: { state: before.state, since: before.enteredAt },
    audit: [
      draft(after, {
        at: step.at,
        action: `rotation.${step.event}`,
        actor: step.actor,
        via: step.via,
        evidence: { from: before.state, to: after.state, ...evidence },
      }),
    ],
    ...(aftermath === undefined ? {} : { aftermath }),
  });
  deps.log.info(
    {
      event: `rotation.${step.event}`,
      ...aboutOf(before),
      from: before.state,
      to: after.state,
      revision: after.revision,
      actor: step.actor,
    },
    `${before.state} → ${after.state}`,
  );
  await told(deps, after, step.event);
  await wake(deps, after);
  return after;
}

/** An attention that ends without a move leaves its own entry in the history; a move is one by itself. */
function withCleared(
  before: Rotation,
  patch: Partial<Rotation>,
  at: Instant,
  by: { actor: string; via: string } | null,
): Partial<Rotation> {
  if (by === null || before.attention === null || patch.attention !== null) return patch;
  const cleared = { at, event: "attention_cleared", actor: by.actor, via: by.via };
  return { ...patch, history: [...(patch.history ?? before.history), cleared] };
}

/** Of these nothing is to be learnt how the rotation went on: a record that was set back would seem newer by them (R16). */
const REMARKS: readonly string[] = ["attention.raised", "attention.cleared", "hold.set", "hold.removed"];

/** Saves a change that is no move. `action` names it in the audit log; without one only routine progress changed. */
export async function commitAmend(
  deps: Deps,
  before: Rotation,
  patch: Partial<Rotation>,
  entry: { action: string; actor: string; via: string; evidence?: Record<string, unknown> } | null,
  aftermath?: { targets: readonly string[]; value: Aftermath | null },
): Promise<Rotation> {
  const at = deps.clock.now();
  const amended = amend(before, withCleared(before, patch, at, entry));
  const after = entry === null || REMARKS.includes(entry.action) ? amended : onRecord(before, amended);
  await deps.rotations.commit({
    record: after,
    expectedRevision: before.revision,
    locks: locksOf(after),
    audit: entry === null ? [] : [draft(after, { at, ...entry })],
    ...(aftermath === undefined ? {} : { aftermath }),
  });
  if (entry !== null) await told(deps, after, entry.action);
  // Without a new time to look, the worker that saved this goes on itself.
  if (patch.wakeAt !== undefined) await wake(deps, after);
  return after;
}

/** How long a worker may take for an effect before another one looks, when nothing else wakes it. */
const EFFECT_PATIENCE_MS = 30_000;

/**
 * Saves the intent of an effect and returns once it is in the audit sink: from then on the effect may be carried out.
 * No worker is woken: this one goes on. If it dies, the due index brings the rotation back.
 * @throws SINK_UNAVAILABLE when the sink cannot be written: the effect must not happen (P11)
 */
export async function commitIntent(
  deps: Deps,
  before: Rotation,
  effect: string,
  evidence: Record<string, unknown> = {},
  patch: Partial<Rotation> = {},
): Promise<Rotation> {
  const at = deps.clock.now();
  const intent = { effect, at, sent: false };
  const after = onRecord(before, amend(before, { ...patch, intent, wakeAt: at + EFFECT_PATIENCE_MS }));
  await deps.rotations.commit({
    record: after,
    expectedRevision: before.revision,
    locks: locksOf(after),
    audit: [draft(after, { at, action: `${effect}.intended`, actor: "keyturn", via: "worker", evidence })],
  });
  await deps.audit.sync();
  return after;
}

/** Creates the record. Opening takes target and key locks in the same script (R23). */
export async function commitOpen(
  deps: Deps,
  opened: Rotation,
  entry: { action: string; actor: string; via: string; evidence?: Record<string, unknown> },
): Promise<void> {
  const record = onRecord(null, opened);
  await deps.rotations.commit({
    record,
    expectedRevision: 0,
    locks: locksOf(record),
    audit: [draft(record, { at: record.createdAt, ...entry })],
  });
  deps.log.info(
    { event: entry.action, ...aboutOf(record), reason: record.reason, state: record.state },
    `opened rotation ${record.id}`,
  );
  await told(deps, record, "opened");
  await wake(deps, record);
}

async function told(deps: Deps, record: Rotation, event: string): Promise<void> {
  // A message that cannot be sent must not stop a rotation; the notifier retries on its own.
  await deps.notifier
    .changed(record, event)
    .catch(() => deps.log.warn({ event: "notify.failed", ...aboutOf(record) }, "a notification failed"));
}

async function wake(deps: Deps, record: Rotation): Promise<void> {
  if (record.wakeAt === null) return;
  // A lost wake-up is made up by the reconciler, so its failure is no failure of the step.
  await deps.wakeups.wake(record.id, record.revision, Math.max(0, record.wakeAt - deps.clock.now())).catch(() => {
    deps.log.warn(
      { event: "wakeup.lost", ...aboutOf(record) },
      "a wake-up could not be queued; the reconciler makes it up",
    );
  });
}
