import { type Actor, identitiesOf } from "../../ports/settings.ts";
import { aboutOf } from "../../rotation/about.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { readPaste } from "../../rotation/intake-format.ts";
import { isBehind, refuseBehind } from "../../rotation/behind.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { KeyFacts, Rotation } from "../../rotation/record.ts";
import { SecretText } from "../../rotation/secret.ts";
import { withoutReplacement } from "../../rotation/transition.ts";
import { refuseNewer } from "../../rotation/newer.ts";
import { commitAmend, commitMove } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { type Person, creatorOf, lacksFourEyes } from "../four-eyes.ts";
import { markOne } from "../marking.ts";
import { refuseOutrun } from "../marks-seen.ts";
import { destinationsSeen } from "../destinations-seen.ts";
import { type CheckOptions, checkKey } from "./check-key.ts";
import { refuse } from "./refusal.ts";
import { takeLease } from "./take-lease.ts";

export interface SubmitOptions extends CheckOptions {
  /** Discard another key that is pending in this rotation. */
  replace: boolean;
}
export interface Submitted {
  rotation: Rotation;
  warnings: string[];
  alreadyAccepted: boolean;
}

/**
 * Takes the replacement key from a person. Accepted means: checked, durable in at least one destination's pending place,
 * and read back from there (P2). Before that, submitting again is always safe; the same key after that is "already
 * accepted".
 * @param pasted what the person typed or piped; it is wiped from our own memory before returning
 * @throws KEY_REFUSED (65), WRONG_STATE (75), LOCK_HELD (75), STORE_* and ADMIN_* (69)
 */
export async function submit(
  deps: Deps,
  id: string,
  pasted: string,
  actor: Actor,
  options: SubmitOptions,
): Promise<Submitted> {
  const record = await load(deps, id);
  const read = readPaste(pasted);
  if (!read.ok) {
    await refused(deps, record, actor, read.reason);
    return refuse(read.reason);
  }
  const key = SecretText.from(read.text);
  try {
    if (record.replacement?.fingerprint === key.fingerprint)
      return { rotation: record, warnings: [], alreadyAccepted: true };
    return await take(deps, record, key, actor, options);
  } catch (error) {
    const isRefusal =
      error instanceof KeyturnError && (error.code === "KEY_REFUSED" || error.code === "NOT_AN_APPROVER");
    if (isRefusal) await refused(deps, record, actor, error.reason ?? error.code);
    throw error;
  } finally {
    key.wipe();
  }
}

async function load(deps: Deps, id: string): Promise<Rotation> {
  const record = await deps.rotations.load(id);
  if (record === null) throw new KeyturnError("NOT_FOUND", `No rotation ${id}.`);
  refuseNewer(record);
  refuseBehind(record, deps.clock.now());
  return record;
}

async function take(
  deps: Deps,
  found: Rotation,
  key: SecretText,
  actor: Actor,
  options: SubmitOptions,
): Promise<Submitted> {
  // Before the lease, whose save is on record: after it the record would seem newer than what it has lost (R16).
  if (!isBehind(found)) await refuseOutrun(deps, found);
  await refuseWhenChanged(deps, found, key);
  const leased = await takeLease(deps, found, actor, options.replace);
  try {
    await refuseWhenInUse(deps, leased);
    const { facts, warnings } = await checkKey(deps, leased, key, options);
    const handedOverBy = await assertOtherCreator(deps, leased, actor, facts);
    if (options.replace) await discardOthers(deps, leased);
    const staged = await stageSomewhere(deps, leased, key);
    const more = { warnings, acceptExpiry: options.acceptExpiry, handedOverBy };
    const rotation = await accept(deps, leased, facts, staged, actor, more);
    return { rotation, warnings, alreadyAccepted: false };
  } catch (error) {
    await endLease(deps, leased);
    throw error;
  }
}

/**
 * After a loss of Redis a rotation may ask for what it has: applications read its replacement, and a second one would leave
 * that behind (P2, P7). It goes on with the first by itself.
 */
async function refuseWhenInUse(deps: Deps, record: Rotation): Promise<void> {
  if (record.replacement === null) return;
  const inUse = (await destinationsSeen(deps, record)).some((d) => d.holds === "replacement");
  if (inUse)
    throw new KeyturnError("WRONG_STATE", `Applications read the replacement ${record.replacement.name} already.`, {
      next: `Nothing to hand over: keyturn show ${record.id}. Archive the key that is not needed in the Console.`,
    });
}

/**
 * A key that could replace nothing is not taken: the secret holds neither the outgoing key nor this one. A secrets manager that
 * cannot be read is named by what comes after.
 */
async function refuseWhenChanged(deps: Deps, r: Rotation, key: SecretText): Promise<void> {
  if (r.state !== "awaiting_replacement" || r.replacement !== null || r.outgoing.fingerprint === null) return;
  // In an emergency people paste keys by hand; a better one is kept for them in any case.
  if (r.reason === "compromised") return;
  const seen = await destinationsSeen(deps, r).catch(() => []);
  const changed = r.plan.destinations.filter(
    (_, i) => seen[i]?.holds === "other" && seen[i].fingerprint !== key.fingerprint,
  );
  if (changed.length === 0) return;
  throw new KeyturnError(
    "STORE_CONFLICT",
    `${changed.map(describeDestination).join(", ")} holds another value than the outgoing key ${r.outgoing.name}.`,
    {
      reason: "destination_changed",
      next: `Put the outgoing key back there, or hand over the key that is there, or keyturn cancel ${r.id}.`,
    },
  );
}

/** Whoever made the key in the Console saw it: they too must be another person than who approved (R21). */
async function assertOtherCreator(
  deps: Deps,
  record: Rotation,
  actor: Actor,
  facts: KeyFacts,
): Promise<readonly Person[]> {
  if (!deps.settings.approvers.fourEyes) return [identitiesOf(actor)];
  const creator = await creatorOf(deps, facts.createdBy);
  const people = [identitiesOf(actor), ...(isAPerson(facts.createdBy) ? [creator] : [])];
  if (!lacksFourEyes(deps.settings, record, people)) return people;
  throw new KeyturnError(
    "NOT_AN_APPROVER",
    `approvers.fourEyes: ${facts.name} was created by the person who approved this rotation, or nobody can tell.`,
    {
      reason: "four_eyes",
      next: "One more person approves on the dashboard; or another person creates a key and hands it over, and archives this one.",
    },
  );
}

/** A service account creates nothing by itself, and a record that does not tell names nobody. */
const isAPerson = (createdBy: string | null): boolean => createdBy?.startsWith("user_") === true;

/** The move that makes a key accepted; from `verifying` (with --replace) the rotation goes back and forth in one save. */
export function accept(
  deps: Deps,
  record: Rotation,
  facts: KeyFacts,
  staged: Rotation["progress"],
  actor: Actor,
  more: { warnings: string[]; acceptExpiry: boolean; handedOverBy?: readonly Person[] },
): Promise<Rotation> {
  const from: Rotation = record.state === "verifying" ? { ...record, state: "awaiting_replacement" } : record;
  return commitMove(
    deps,
    from,
    {
      event: "staged",
      at: deps.clock.now(),
      actor: actor.name,
      via: actor.via,
      patch: {
        replacement: facts,
        progress: staged,
        submittedBy: actor.name,
        handedOverBy: more.handedOverBy ?? [identitiesOf(actor)],
        acceptExpiry: more.acceptExpiry,
      },
    },
    { keyId: facts.id, fingerprint: facts.fingerprint, warnings: more.warnings },
  );
}

async function discardOthers(deps: Deps, record: Rotation): Promise<void> {
  for (const dest of record.plan.destinations) {
    await (await storeOf(deps, dest)).discardPending(dest, record.id, { operators: true });
  }
}

/** Stages at the first destination that takes it and reads it back; the workers copy it to the others (R12). */
async function stageSomewhere(deps: Deps, record: Rotation, key: SecretText): Promise<Rotation["progress"]> {
  let failure: unknown = new KeyturnError("STORE_MISSING", "The rotation has no destination.");
  for (const [i, dest] of record.plan.destinations.entries()) {
    const store = await storeOf(deps, dest);
    try {
      const found = await store.readPending(dest, record.id);
      const other = found !== null && !found.value.equals(key);
      found?.value.wipe();
      if (other) return refuse("other_pending", `It is at ${describeDestination(dest)}.`);
      await markOne(deps, record, dest, "stage");
      await deps.audit.sync();
      const staged = await store.stage(dest, key, record.id);
      const back = await store.readPending(dest, record.id);
      const same = back !== null && back.value.equals(key);
      back?.value.wipe();
      if (!same)
        throw new KeyturnError("STORE_UNAVAILABLE", `${describeDestination(dest)} does not return what was staged.`);
      const entry = {
        baseVersion: staged.baseVersion,
        pendingVersion: staged.version,
        stagedAt: deps.clock.now(),
        promotedVersion: null,
        promotedAt: null,
        rolledBackAt: null,
      };
      return record.progress.map((p, at) => (at === i ? entry : { ...p, ...withoutReplacement(record).progress[at] }));
    } catch (error) {
      if (error instanceof KeyturnError && error.code === "KEY_REFUSED") throw error;
      failure = error;
    }
  }
  throw failure;
}

async function endLease(deps: Deps, leased: Rotation): Promise<void> {
  // If this fails too, the lease ends by itself.
  await commitAmend(deps, leased, { lease: null, wakeAt: deps.clock.now() }, null).catch(() => undefined);
}

/** A refused key is on record with its reason, never with its text. */
async function refused(deps: Deps, record: Rotation, actor: Actor, reason: string): Promise<void> {
  await deps.audit
    .append([
      {
        at: deps.clock.now(),
        rotation: record.id,
        target: record.target,
        action: "intake.refused",
        actor: actor.name,
        via: actor.via,
        evidence: { reason },
      },
    ])
    .catch(() =>
      deps.log.warn({ event: "audit.append_failed", ...aboutOf(record) }, "a refusal could not be recorded"),
    );
}
