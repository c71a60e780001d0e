import type { Destination, Rotation } from "./record.ts";
import { isPromoted } from "./transition.ts";
import { isFinal } from "./states.ts";

/** One name per physical secret, whatever the field and target; the unit of "one at a time" (P6, R3). */
export function physicalIdOf(dest: Destination): string {
  const place = Object.keys(dest.location)
    .sort()
    .map((key) => `${key}=${dest.location[key]}`)
    .join(",");
  return `${dest.type}(${place})/${dest.secret}`;
}

/** Names one destination down to the field. */
export const destinationId = (dest: Destination): string =>
  `${physicalIdOf(dest)}${dest.field === null ? "" : `#${dest.field}`}`;

/** How a person reads a destination. */
export const describeDestination = (dest: Destination): string =>
  `${dest.store}:${dest.secret}${dest.field === null ? "" : `#${dest.field}`}`;

/** False once another rotation may open for the same targets (R5). */
export function occupiesTarget(r: Rotation): boolean {
  const past = r.state === "grace_period" || r.state === "archiving" || r.state === "reinstated";
  return !isFinal(r.state) && !past && !(r.state === "reinstating" && isPromoted(r));
}

/**
 * What a rotation occupies, as a function of its record: its targets and its outgoing key from opening, its physical
 * secrets while something is or may be staged, and from `grace_period` on only the outgoing key (R3, R5).
 */
export function locksOf(r: Rotation): string[] {
  if (isFinal(r.state)) return [];
  const key = `key:${r.outgoing.id}`;
  if (!occupiesTarget(r)) return [key];
  const staging =
    (r.replacement !== null || r.lease !== null) &&
    r.state !== "propagating" &&
    r.state !== "draining" &&
    r.state !== "deactivating";
  const secrets = staging ? [...new Set(r.plan.destinations.map((d) => `secret:${physicalIdOf(d)}`))] : [];
  return [...r.plan.targets.map((t) => `target:${t}`), key, ...secrets];
}
