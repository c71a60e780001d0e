import type { Phase } from "../rotation/marks.ts";
import { marksFor, readMarkFacts, type MarkFacts } from "../rotation/marks.ts";
import { occupiesTarget } from "../rotation/locks.ts";
import type { Destination, Rotation } from "../rotation/record.ts";
import { type Deps, storeOf } from "./deps.ts";

/**
 * Writes the marks of a phase at every destination of the plan; before an effect with the phase about to start (R16).
 * A rotation that no longer occupies its target leaves the marks of its successor alone (R5).
 */
export async function markAll(deps: Deps, record: Rotation, phase: Phase): Promise<void> {
  for (const dest of record.plan.destinations) {
    if (await belongsToSuccessor(deps, record, dest)) continue;
    await markOne(deps, record, dest, phase);
  }
}

/** From the grace period on another rotation of ours may be open at the same destination; the marks are then its own. */
export async function belongsToSuccessor(deps: Deps, record: Rotation, dest: Destination): Promise<boolean> {
  if (occupiesTarget(record)) return false;
  const { install, rotation } = await marksOf(deps, dest);
  if (install !== record.install || rotation === null || rotation === record.id) return false;
  return (await deps.rotations.load(rotation))?.endedAt === null;
}

/** `fingerprint` undefined: the entry stays as it is. */
export async function markOne(
  deps: Deps,
  record: Rotation,
  dest: Destination,
  phase: Phase,
  fingerprint?: string | null,
): Promise<void> {
  const store = await storeOf(deps, dest);
  const entries = marksFor(record, phase, fingerprint ?? null, deps.clock.now());
  if (fingerprint === undefined) delete entries["fp"];
  await store.mark(dest, entries);
}

export async function marksOf(deps: Deps, dest: Destination): Promise<MarkFacts> {
  return readMarkFacts(await (await storeOf(deps, dest)).readMarks(dest));
}

/** Whether another installation has an open rotation there; its name, or null (R23). */
export const foreignInstall = (facts: MarkFacts, install: string): string | null =>
  facts.install !== null && facts.install !== install && facts.rotation !== null ? facts.install : null;
