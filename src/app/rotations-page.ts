import type { Rotation } from "../rotation/record.ts";
import type { State } from "../rotation/states.ts";
import type { Deps } from "./deps.ts";

export interface PageOf {
  /** Ended rotations as well. */
  all: boolean;
  state: State | null;
  target: string | null;
  limit: number;
  /** The last one of the page before. */
  after: { id: string; createdAt: number } | null;
}

/**
 * One page of rotations, newest first; reads no more records than it needs. A rotation opened meanwhile neither repeats nor
 * hides another. @returns `more`: whether another page follows
 */
export async function rotationsPage(
  deps: Pick<Deps, "rotations">,
  wanted: PageOf,
): Promise<{ rotations: Rotation[]; more: boolean }> {
  const rotations: Rotation[] = [];
  let before = wanted.after;
  for await (const r of deps.rotations.all()) {
    if (before !== null) {
      const reached = r.id === before.id || r.createdAt < before.createdAt;
      if (!reached) continue;
      const isLast = r.id === before.id;
      before = null;
      if (isLast) continue;
    }
    if (!isWanted(r, wanted)) continue;
    if (rotations.length === wanted.limit) return { rotations, more: true };
    rotations.push(r);
  }
  return { rotations, more: false };
}

/** As `keyturn list`: a state or `all` shows ended ones too. */
function isWanted(r: Rotation, { all, state, target }: PageOf): boolean {
  if (!all && state === null && r.endedAt !== null) return false;
  if (state !== null && r.state !== state) return false;
  return target === null || r.target === target || r.plan.targets.includes(target);
}
