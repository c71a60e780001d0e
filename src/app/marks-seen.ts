import { behindError, decidedAllTheSame, isBehind, isOutrun } from "../rotation/behind.ts";
import type { MarkFacts, Phase } from "../rotation/marks.ts";
import type { DestinationSeen, MarksSeen } from "../rotation/observation.ts";
import type { Destination, Rotation } from "../rotation/record.ts";
import { destinationSeen } from "./destinations-seen.ts";
import type { Deps } from "./deps.ts";
import { inTime } from "./in-time.ts";
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
 * @param destinations as just seen, in the order of the plan; null: they are read where it matters
 * @throws STORE_* when one of them cannot be read
 */
export async function marksSeen(
  deps: Deps,
  r: Rotation,
  destinations: readonly DestinationSeen[] | null,
): Promise<MarksSeen> {
  return together(await Promise.all(r.plan.destinations.map((dest, i) => marksAt(deps, r, dest, destinations?.[i]))));
}

const together = (seen: readonly MarksSeen[]): MarksSeen => ({
  revision: Math.max(0, ...seen.map(({ revision }) => revision)),
  unknownReplacement: seen.find((each) => each.unknownReplacement !== null)?.unknownReplacement ?? null,
});

async function marksAt(deps: Deps, r: Rotation, dest: Destination, seen?: DestinationSeen): Promise<MarksSeen> {
  const facts = await marksOf(deps, dest);
  if (facts.rotation !== r.id || facts.install !== r.install) return { revision: 0, unknownReplacement: null };
  const id = unknownReplacement(r, facts);
  // Where the value is another's by now, or the outgoing one again, the mark is no reason to stop.
  const inUse = id !== null && (seen ?? (await destinationSeen(deps, r, dest))).holds === "other";
  return { revision: revisionFor(r, facts), unknownReplacement: inUse ? id : null };
}

/** A replacement is given up only before it is promoted, or with the rotation; so no mark after that can name an earlier one. */
function unknownReplacement(r: Rotation, { replacementKeyId: id, phase }: MarkFacts): string | null {
  const known = id === null || id === r.replacement?.id || id === r.outgoing.id;
  return known || !AFTER_PROMOTING.includes(phase) ? null : id;
}

/** A version before marks said up to which revision a record knows wrote the revision itself. */
const revisionFor = (r: Rotation, { version, revision }: MarkFacts): number =>
  revision === null || (version === 1 && revision <= r.revision) ? 0 : revision;

/** What can be read of the marks within a few seconds; null: nothing. */
export async function marksInTime(deps: Deps, r: Rotation): Promise<MarksSeen | null> {
  const given = await Promise.all(r.plan.destinations.map((dest) => inTime(marksAt(deps, r, dest))));
  const read = given.filter((one) => one !== null);
  return read.length === 0 ? null : together(read);
}

/** A record that is behind and that no scan has mended in time, as a person decides on it; any other as it is. */
export const allTheSame = async (deps: Deps, r: Rotation): Promise<Rotation> =>
  isBehind(r) ? decidedAllTheSame(r, await marksInTime(deps, r)) : r;

/** So often somebody who saves at the same moment is stepped aside for. */
const TRIES = 3;

/**
 * Refuses what people decide on a record that the marks are ahead of, and says so on the record, so that a `serve` scans at
 * once. A worker that saved and marked in between is not meant. @throws WRONG_STATE (75)
 */
export async function refuseOutrun(deps: Deps, found: Rotation): Promise<void> {
  let r = found;
  for (let tries = 1; isOutrun(r, await marksInTime(deps, r)); tries++) {
    const now = await deps.rotations.load(r.id);
    if (now !== null && now.revision !== r.revision && tries < TRIES) {
      r = now;
      continue;
    }
    // Somebody else's save in between looks at the marks itself.
    await attend(deps, r, "state_behind").catch(() => undefined);
    throw behindError(r);
  }
}
