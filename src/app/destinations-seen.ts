import type { DestinationSeen } from "../rotation/observation.ts";
import type { Destination, Rotation } from "../rotation/record.ts";
import { type Deps, storeOf } from "./deps.ts";

/** Reads every destination back as applications read it; the values are wiped as soon as they are compared. */
export async function destinationsSeen(
  deps: Deps,
  r: Pick<Rotation, "plan" | "outgoing" | "replacement">,
): Promise<DestinationSeen[]> {
  return Promise.all(r.plan.destinations.map((dest) => destinationSeen(deps, r, dest)));
}

/** One of them. */
export async function destinationSeen(
  deps: Deps,
  r: Pick<Rotation, "outgoing" | "replacement">,
  dest: Destination,
): Promise<DestinationSeen> {
  const found = await (await storeOf(deps, dest)).read(dest);
  if (found === null) return { holds: "missing", fingerprint: null, version: null };
  const fingerprint = found.value.fingerprint;
  found.value.wipe();
  const holds =
    fingerprint === r.outgoing.fingerprint
      ? "outgoing"
      : fingerprint === r.replacement?.fingerprint
        ? "replacement"
        : "other";
  return { holds, fingerprint, version: found.version };
}
