import type { Path } from "./problems.ts";
import type { Config } from "./schema.ts";
import type { Destination } from "../src/rotation/record.ts";
import { resolveDestination } from "./settings.ts";

/** Two destinations that are one place: each would see the other's key as its own (R1). */
export function findOverlaps(config: Config): { at: Path; message: string }[] {
  const found: { at: Path; message: string }[] = [];
  const seen = new Map<string, { target: string; field: string | null }[]>();
  for (const [target, { destinations }] of Object.entries(config.targets)) {
    for (const [index, each] of destinations.entries()) {
      const place = resolveDestination(config, each);
      if (place === null) continue; // an unknown store, reported as such
      const secret = physicalPlace(place);
      const others = seen.get(secret) ?? [];
      const clash = others.find((other) => other.field === place.field || other.field === null || place.field === null);
      if (clash !== undefined) {
        const who = clash.target === target ? "twice in this target" : `also in target ${clash.target}`;
        const what =
          clash.field === place.field ? "the same store, secret and field are" : "a part of the same value is";
        found.push({ at: ["targets", target, "destinations", index], message: `${what} ${who}; name each place once` });
      }
      seen.set(secret, [...others, { target, field: place.field }]);
    }
  }
  return found;
}

/** Equal for two stores that are the same manager under two names. */
function physicalPlace({ type, location, secret }: Destination): string {
  const where = Object.entries(location).map(([key, value]) => `${key}=${value}`);
  return JSON.stringify([type, where.toSorted((a, b) => a.localeCompare(b)), secret]);
}
