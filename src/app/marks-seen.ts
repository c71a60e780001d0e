import { behindError, isOutrun } from "../rotation/behind.ts";
import type { MarkFacts, Phase } from "../rotation/marks.ts";
import type { DestinationSeen, MarksSeen } from "../rotation/observation.ts";
import type { Rotation } from "../rotation/record.ts";
import { destinationsSeen } from "./destinations-seen.ts";
import type { Deps } from "./deps.ts";
import { marksOf } from "./marking.ts";
import { attend } from "./settle.ts";

/** From these on a mark's replacement is in use, or was about to be. */
const AFTER_PROMOTING: readonly (Phase | null)[] = [
  "promote",
  "promoted",
  "deactivate",
  "deactivated",
  "archive",
  "reinstate",
  "roll_back",
];

/**
 * What the marks of this rotation tell, beside what its destinations hold. Reads only.
 * @param destinations as just seen, in the order of the plan; null: they are read
 */
export async function marksSeen(
  deps: Deps,
  r: Rotation,
  destinations: readonly DestinationSeen[] | null,
): Promise<MarksSeen> {
  const all = await Promise.all(r.plan.destinations.map((dest) => marksOf(deps, dest)));
  const ours = all.map((m) => (m.rotation === r.id && m.install === r.install ? m : null));
  const unknown = ours.map((m) => (m === null ? null : unknownReplacement(r, m)));
  const seen = unknown.every((id) => id === null) ? [] : (destinations ?? (await destinationsSeen(deps, r)));
  return {
    revision: Math.max(0, ...ours.map((m) => m?.revision ?? 0)),
    // Where the value is another's by now, or the outgoing one again, the mark is no reason to stop.
    unknownReplacement: unknown.find((id, i) => id !== null && seen[i]?.holds === "other") ?? null,
  };
}

/** A replacement is given up only before it is promoted, or with the rotation; so no mark after that can name an earlier one. */
function unknownReplacement(r: Rotation, { replacementKeyId: id, phase }: MarkFacts): string | null {
  const known = id === null || id === r.replacement?.id || id === r.outgoing.id;
  return known || !AFTER_PROMOTING.includes(phase) ? null : id;
}

/** Whether the marks tell of more than the record knows, as far as they can be read. */
export const isMarkedFurther = async (deps: Deps, r: Rotation): Promise<boolean> =>
  isOutrun(r, await marksSeen(deps, r, null).catch(() => null));

/**
 * Refuses what people decide on a record that the marks are ahead of, and says so on the record, so that a `serve` scans at
 * once. @throws WRONG_STATE (75)
 */
export async function refuseOutrun(deps: Deps, r: Rotation): Promise<void> {
  if (!(await isMarkedFurther(deps, r))) return;
  // Somebody else's save in between looks at the marks itself.
  await attend(deps, r, "state_behind").catch(() => undefined);
  throw behindError(r);
}
