import { refuseKey } from "../rotation/contains-key.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import { viewOf, type RotationView } from "../rotation/view.ts";
import type { Deps } from "./deps.ts";
import { holdsOn, subjectsOf } from "./holds.ts";
import { resolveTarget } from "./plans.ts";

/**
 * A rotation by its id, a unique prefix of it, its target or a key of it; of several the open one that occupies the target
 * or the key, else the newest. @throws NOT_FOUND (64), also when a prefix is ambiguous
 */
export async function findRotation(deps: Pick<Deps, "rotations">, name: string): Promise<Rotation> {
  refuseKey("The name", name);
  const exact = await deps.rotations.load(name);
  if (exact !== null) return exact;
  for (const lock of [`target:${name}`, `key:${name}`]) {
    const holder = await deps.rotations.holderOf(lock);
    const held = holder === null ? null : await deps.rotations.load(holder);
    if (held !== null) return held;
  }
  for await (const r of deps.rotations.all()) {
    if (r.target === name || r.plan.targets.includes(name) || r.outgoing.id === name || r.replacement?.id === name)
      return r;
  }
  const ids = name.length > 0 ? await deps.rotations.idsStartingWith(name) : [];
  if (ids.length > 1) throw new KeyturnError("NOT_FOUND", `"${name}" is the beginning of more than one rotation id.`);
  const byPrefix = ids[0] === undefined ? null : await deps.rotations.load(ids[0]);
  if (byPrefix === null) throw new KeyturnError("NOT_FOUND", `Nothing is called "${name}".`);
  return byPrefix;
}

/**
 * The same for a command that is about one rotation: a target that never had one is a known name at the wrong time.
 * @throws NOT_FOUND (64) · WRONG_STATE (75) naming the command that opens one
 */
export async function rotationNamed(deps: Pick<Deps, "rotations" | "settings">, name: string): Promise<Rotation> {
  return findRotation(deps, name).catch((error: unknown) => {
    const known = error instanceof KeyturnError && error.code === "NOT_FOUND" && resolveTarget(deps.settings, name);
    throw known ? noneOpen(name) : error;
  });
}

/** For a target without an open rotation. */
export const noneOpen = (target: string, why = ""): KeyturnError =>
  new KeyturnError("WRONG_STATE", `${why}No rotation is open for ${target}.`, { next: `keyturn rotate ${target}` });

/** Every rotation that has not ended, oldest first. All are asked for at once: a scrape cannot wait for each in turn. */
export async function openRotations(deps: Pick<Deps, "rotations">): Promise<Rotation[]> {
  const records = await Promise.all((await deps.rotations.openIds()).map((id) => deps.rotations.load(id)));
  return records.filter((record) => record !== null && record.endedAt === null) as Rotation[];
}

/** The documented form with the holds that are in force now. */
export async function present(deps: Deps, record: Rotation): Promise<RotationView> {
  return viewOf(record, await holdsOn(deps, subjectsOf(record)));
}

/** Open rotations, or with `all` every one that Redis still has; newest first. */
export async function listRotations(
  deps: Deps,
  filter: { all: boolean; state: string | null; target: string | null },
): Promise<Rotation[]> {
  const found: Rotation[] = [];
  for await (const r of deps.rotations.all()) {
    if (!filter.all && r.endedAt !== null && filter.state === null) continue;
    if (filter.state !== null && r.state !== filter.state) continue;
    if (filter.target !== null && r.target !== filter.target && !r.plan.targets.includes(filter.target)) continue;
    found.push(r);
  }
  return found;
}
