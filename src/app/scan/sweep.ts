import { asKeyturnError } from "../../rotation/errors.ts";
import { describeDestination, destinationId } from "../../rotation/locks.ts";
import { PROBE_ROTATION } from "../../rotation/probe.ts";
import type { Destination } from "../../rotation/record.ts";
import type { SecretStore } from "../../ports/secret-store.ts";
import { type Deps, storeOf } from "../deps.ts";
import type { Problem } from "./report.ts";
import type { Survey } from "./survey.ts";
import type { Known } from "./upkeep.ts";

/** No rotation has this id: whatever is pending under it is an operator's. */
const NOBODY = "rot_none";

/**
 * Destroys pending and previous values of rotations that are over, and reports what belongs to nobody. A value of an
 * open rotation, or of one that nobody can tell to be over, is never touched: it may be the only copy (R19, P2).
 */
export async function sweep(
  deps: Deps,
  { bound }: Pick<Survey, "bound">,
  known: Known,
  problems: Problem[],
): Promise<void> {
  const places = new Map<string, { dest: Destination; target: string }>();
  for (const [{ target }] of bound)
    for (const dest of target.destinations) places.set(destinationId(dest), { dest, target: target.name });
  const waiting = new Set(
    [...known.open.values()]
      .filter((r) => r.state === "awaiting_replacement" || r.state === "verifying")
      .flatMap((r) => r.plan.destinations.map(destinationId)),
  );
  for (const [place, { dest, target }] of places) {
    try {
      const store = await storeOf(deps, dest);
      for (const message of await sweepOne(store, dest, known))
        problems.push({ code: "leftover_pending", target, message });
      if (!waiting.has(place) && (await operatorsValue(store, dest))) {
        problems.push({
          code: "foreign_pending",
          target,
          message: `a pending value is at ${describeDestination(dest)}, but no rotation waits for one`,
        });
      }
    } catch (error) {
      deps.log.warn(
        { event: "sweep.failed", target, code: asKeyturnError(error).code },
        "pending values could not be swept",
      );
    }
  }
}

async function sweepOne(store: SecretStore, dest: Destination, known: Known): Promise<string[]> {
  const where = describeDestination(dest);
  const said: string[] = [];
  for (const id of await store.listPending(dest)) {
    if (id === PROBE_ROTATION) {
      await store.discardPending(dest, id);
      said.push(`what an interrupted \`doctor\` staged was left at ${where}; it was destroyed`);
      continue;
    }
    const standing = await known.standing(id);
    if (standing === "open" || standing === "ending") continue;
    const spare =
      standing === "over"
        ? !(await isAccepted(store, dest, id, known))
        : known.spent.has(id) && (await isPromoted(store, dest, id));
    if (spare) {
      await store.discardPending(dest, id);
      await store.discardPrevious(dest, id);
      said.push(`a pending value of ${id} was left at ${where}; it was destroyed`);
    } else if (standing === "unknown")
      said.push(`${where} has a pending value of ${id}, which is not known to be over; it is left alone`);
  }
  return said;
}

/** A key of a rotation that ended may have been handed over again: then it is another's accepted key. */
async function isAccepted(store: SecretStore, dest: Destination, id: string, { open }: Known): Promise<boolean> {
  const fingerprint = await pendingFingerprint(store, dest, id);
  return fingerprint !== null && [...open.values()].some((r) => r.replacement?.fingerprint === fingerprint);
}

/** What is pending is also what applications read, so that it is no only copy. */
async function isPromoted(store: SecretStore, dest: Destination, id: string): Promise<boolean> {
  const current = await store.read(dest);
  const fingerprint = current?.value.fingerprint ?? null;
  current?.value.wipe();
  const pending = await pendingFingerprint(store, dest, id);
  return fingerprint !== null && (pending === null || pending === fingerprint);
}

async function pendingFingerprint(store: SecretStore, dest: Destination, id: string): Promise<string | null> {
  const pending = await store.readPending(dest, id);
  const fingerprint = pending?.rotationId === id ? pending.value.fingerprint : null;
  pending?.value.wipe();
  return fingerprint;
}

async function operatorsValue(store: SecretStore, dest: Destination): Promise<boolean> {
  const pending = await store.readPending(dest, NOBODY);
  pending?.value.wipe();
  return pending !== null && pending.rotationId === null;
}
