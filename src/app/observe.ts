import type { KeyAdmin } from "../ports/key-admin.ts";
import type {
  DestinationSeen,
  KeySeen,
  MarksSeen,
  Observation,
  PendingSeen,
  PlanSeen,
} from "../rotation/observation.ts";
import { isBehind } from "../rotation/behind.ts";
import { OBSERVES } from "../rotation/observation.ts";
import { planHashOf } from "../rotation/plan.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { type State, isFinal } from "../rotation/states.ts";
import { isWatched, mayBeWrittenLate } from "../rotation/transition.ts";
import { type Deps, storeOf } from "./deps.ts";
import { destinationsSeen } from "./destinations-seen.ts";
import { holdsOn, subjectsOf } from "./holds.ts";
import { marksSeen } from "./marks-seen.ts";
import { planFor } from "./plans.ts";

/** Looks at the world as far as the rotation's state asks for it. Reads only; safe to repeat. */
export async function observe(deps: Deps, r: Rotation): Promise<Observation> {
  const looksAtKeys = !isFinal(r.state) || isWatched(r, deps.clock.now());
  const wants = OBSERVES[r.state];
  // The keys first: everything after it is then newer than the status that a decision rests on.
  const outgoing = looksAtKeys ? await keySeen(deps.admin, r.outgoing.id) : "missing";
  const replacement = looksAtKeys && r.replacement !== null ? await keySeen(deps.admin, r.replacement.id) : null;
  const [[destinations, marks], pending, holds, newestConfiguration] = await Promise.all([
    destinationsAndMarks(deps, r),
    wants.includes("pending") ? pendingSeen(deps, r) : null,
    holdsOn(deps, subjectsOf(r)),
    deps.registry.isNewest(),
  ]);
  const plan = planSeen(deps, r);
  return {
    plan,
    outgoing,
    replacement,
    destinations,
    pending,
    holds,
    marks,
    newestConfiguration,
    at: deps.clock.now(),
  };
}

/**
 * Where a record older than its marks must not act, or ask a person for what is done already: Redis was set back (R16), as by
 * a frozen master that wakes up and confirms a whole life before it is demoted. Not while revoking or reinstating: a secrets
 * manager that is away must not hold up an emergency.
 */
const MARKS_MATTER: readonly State[] = [
  "awaiting_replacement",
  "verifying",
  "promoting",
  "propagating",
  "draining",
  "deactivating",
  "grace_period",
  "archiving",
  "reinstated",
  "rolling_back",
];

/** A proposal does nothing; but its end by the clock, or being taken for up to date again, would leave alone what was done. */
const marksMatter = (r: Rotation, now: Instant): boolean =>
  MARKS_MATTER.includes(r.state) ||
  (r.state === "awaiting_approval" && (isBehind(r) || (r.deadline !== null && now >= r.deadline)));

/** @param how see `KeyAdmin.getKey` */
export async function keySeen(admin: KeyAdmin, keyId: string, how?: { paid: boolean }): Promise<KeySeen> {
  return (await admin.getKey(keyId, how)).value?.status ?? "missing";
}

export function planSeen(deps: Pick<Deps, "settings">, r: Rotation): PlanSeen {
  if (r.target === null) return { kind: "same" };
  const now = planFor(deps.settings, r.plan.targets, r.outgoing.id, r.reason);
  if (now === null) return { kind: "target_removed" };
  const planHash = planHashOf(now.plan);
  return planHash === r.planHash ? { kind: "same" } : { kind: "changed", plan: now.plan, planHash };
}

async function destinationsAndMarks(deps: Deps, r: Rotation): Promise<[DestinationSeen[] | null, MarksSeen | null]> {
  const looks = OBSERVES[r.state].includes("destinations");
  const destinations = await (looks ? destinationsSeen(deps, r) : lateWrites(deps, r));
  return [destinations, marksMatter(r, deps.clock.now()) ? await marksSeen(deps, r, destinations) : null];
}

/** A manager that is away is looked at next time: nobody waits for a rotation that is over. */
const lateWrites = (deps: Deps, r: Rotation): Promise<DestinationSeen[] | null> =>
  mayBeWrittenLate(r, deps.clock.now()) ? destinationsSeen(deps, r).catch(() => null) : Promise.resolve(null);

async function pendingSeen(deps: Deps, r: Rotation): Promise<PendingSeen[]> {
  return Promise.all(
    r.plan.destinations.map(async (dest): Promise<PendingSeen> => {
      const pending = await (await storeOf(deps, dest)).readPending(dest, r.id);
      if (pending === null) return "none";
      pending.value.wipe();
      return pending.rotationId === r.id ? "ours" : "operator";
    }),
  );
}
