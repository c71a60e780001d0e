import type { Actor } from "../ports/settings.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { destinationId } from "../rotation/locks.ts";
import type { Destination, Rotation } from "../rotation/record.ts";
import type { AuditDraft } from "../ports/audit.ts";
import { type Decider, authorizeOn } from "./decisions.ts";
import { commitAmend } from "./commit.ts";
import { type Deps, storeOf } from "./deps.ts";
import { openRotations } from "./find.ts";
import { subjectsOf } from "./holds.ts";
import { resolveTarget } from "./plans.ts";

export interface HoldResult {
  subject: string;
  held: boolean;
  /** Where the hold stands besides Redis and the audit sink. */
  marks: number;
}

/**
 * Stops everything destructive on a target or a key until `unhold`. In force as soon as Redis has it; confirmed when it
 * would survive the loss of Redis (R17). Repeating it is harmless.
 * @throws HOLD_NOT_DURABLE (69): in force, but only in Redis · WRONG_STATE (75): the call to archive was already sent
 */
export async function hold(deps: Deps, subject: string, by: Decider): Promise<HoldResult> {
  await authorizeOn(deps, subject, by);
  const affected = await rotationsWith(deps, subject);
  await assertKnown(deps, subject, affected);
  for (const r of affected) {
    if (r.intent?.sent === true)
      throw new KeyturnError(
        "WRONG_STATE",
        `It is too late for ${r.id}: the call to archive its key was already sent.`,
      );
  }
  await deps.holds.set(subject, by.actor.name, entry(deps, subject, by.actor, "hold.set"));
  // The revision moves on, so that a worker between check and call notices (R9).
  for (const r of affected) await touch(deps, r.id, by.actor, "hold.set");
  const destinations = destinationsOf(deps, subject, affected);
  const marks = await markHold(deps, destinations, subject);
  const synced = await deps.audit.sync().then(
    () => true,
    () => false,
  );
  const durable = synced && (marks > 0 || destinations.length === 0);
  if (!durable)
    throw new KeyturnError(
      "HOLD_NOT_DURABLE",
      `(${synced ? "no destination took the mark" : "the audit sink cannot be written"})`,
    );
  return { subject, held: true, marks };
}

/** Lifts a hold set by `hold`. One in the configuration stays: exit 75 names the file. */
export async function unhold(deps: Deps, subject: string, by: Decider): Promise<HoldResult> {
  await authorizeOn(deps, subject, by);
  const affected = await rotationsWith(deps, subject);
  await assertKnown(deps, subject, affected);
  const marks = await markHold(deps, destinationsOf(deps, subject, affected), await otherHold(deps, subject, affected));
  await deps.holds.remove(subject, entry(deps, subject, by.actor, "hold.removed"));
  await deps.audit
    .sync()
    .catch(() => deps.log.warn({ event: "audit.sync_failed" }, "the audit sink cannot be written"));
  for (const r of affected) await touch(deps, r.id, by.actor, "hold.removed");
  if (deps.settings.holds.includes(subject)) {
    throw new KeyturnError("HELD", `${subject} is also listed under holds: in ${deps.settings.configFile}.`, {
      next: `Remove it from holds: in ${deps.settings.configFile}.`,
    });
  }
  return { subject, held: false, marks };
}

const entry = (deps: Deps, subject: string, actor: Actor, action: string): AuditDraft => ({
  at: deps.clock.now(),
  rotation: null,
  target: subject.startsWith("apikey_") ? null : subject,
  action,
  actor: actor.name,
  via: actor.via,
  evidence: { subject },
});

async function rotationsWith(deps: Deps, subject: string): Promise<Rotation[]> {
  return (await openRotations(deps)).filter((r) => subjectsOf(r).includes(subject));
}

/** A misspelt target must not look like a hold that protects it. */
async function assertKnown(deps: Deps, subject: string, affected: readonly Rotation[]): Promise<void> {
  if (affected.length > 0 || resolveTarget(deps.settings, subject) !== null) return;
  if (!subject.startsWith("apikey_"))
    throw new KeyturnError("NOT_FOUND", `No target is called "${subject}"; a key is named by its id (apikey_…).`);
  if ((await deps.admin.getKey(subject)).value === null) throw new KeyturnError("KEY_NOT_FOUND", subject);
}

/** Raises the revision of a rotation; a race with a worker is tried again, since the hold itself already stands. */
async function touch(deps: Deps, id: string, actor: Actor, action: string): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const fresh = await deps.rotations.load(id);
    if (fresh === null || fresh.endedAt !== null) return;
    try {
      await commitAmend(deps, fresh, { wakeAt: deps.clock.now() }, { action, actor: actor.name, via: actor.via });
      return;
    } catch (error) {
      if (!(error instanceof KeyturnError) || error.code !== "CONFLICT") throw error;
    }
  }
}

/** A hold on the target or the key that remains keeps its mark: it must survive the loss of Redis by itself (R17). */
async function otherHold(deps: Deps, subject: string, affected: readonly Rotation[]): Promise<string | null> {
  const held = Object.keys(await deps.holds.list());
  const destinations = new Set(destinationsOf(deps, subject, affected).map(destinationId));
  const targets = deps.settings.targets
    .filter((t) => t.destinations.some((d) => destinations.has(destinationId(d))))
    .map((t) => t.name);
  return (
    [...targets, ...affected.flatMap(subjectsOf)].find((other) => other !== subject && held.includes(other)) ?? null
  );
}

function destinationsOf(deps: Deps, subject: string, affected: readonly Rotation[]): Destination[] {
  const found = [
    ...(resolveTarget(deps.settings, subject)?.destinations ?? []),
    ...affected.flatMap((r) => r.plan.destinations),
  ];
  return [...new Map(found.map((d) => [destinationId(d), d])).values()];
}

/** How many destinations took the mark; those that do not answer are counted as not. */
async function markHold(deps: Deps, destinations: readonly Destination[], subject: string | null): Promise<number> {
  let marked = 0;
  for (const dest of destinations) {
    try {
      await (
        await storeOf(deps, dest)
      ).mark(dest, { hold: subject === null ? null : subject.replaceAll(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 200) });
      marked++;
    } catch {
      deps.log.warn(
        { event: "mark.failed", destination: `${dest.store}:${dest.secret}` },
        "a hold could not be marked there",
      );
    }
  }
  return marked;
}
