import type { LastKnown } from "../../ports/audit.ts";
import type { MarkFacts } from "../../rotation/marks.ts";
import type { Instant } from "../../rotation/record.ts";
import type { ReadTarget } from "./read-targets.ts";

/** What the marks of all destinations together say of one rotation of ours. A hint, never an authority (R2). */
export interface Claim {
  rotation: string;
  /** Every target whose marks name it. */
  targets: ReadTarget[];
  /** The highest that any mark names. */
  revision: number;
  /** All key ids that are named; more than one is a contradiction. */
  outgoing: string[];
  replacement: string[];
  /** The latest time of a mark. */
  at: Instant | null;
}

/** Gathers the marks of this installation by rotation (R16: several destinations, one rotation). Pure. */
export function claimsOf(read: readonly ReadTarget[], install: string): Claim[] {
  const claims = new Map<string, Claim>();
  for (const target of read) {
    for (const { facts } of target.marks) {
      if (facts.rotation === null || facts.install !== install) continue;
      const claim = claims.get(facts.rotation) ?? {
        rotation: facts.rotation,
        targets: [],
        revision: 0,
        outgoing: [],
        replacement: [],
        at: null,
      };
      claims.set(facts.rotation, merged(claim, target, facts));
    }
  }
  return [...claims.values()];
}

const merged = (c: Claim, target: ReadTarget, facts: MarkFacts): Claim => ({
  rotation: c.rotation,
  targets: c.targets.includes(target) ? c.targets : [...c.targets, target],
  revision: Math.max(c.revision, facts.revision ?? 0),
  outgoing: withId(c.outgoing, facts.outgoingKeyId),
  replacement: withId(c.replacement, facts.replacementKeyId),
  at: facts.at === null ? c.at : Math.max(c.at ?? 0, facts.at),
});
const withId = (ids: string[], id: string | null): string[] => (id === null || ids.includes(id) ? ids : [...ids, id]);

/** How far the time of a mark may lie before the sink's first entry and still be of its time. */
const TOLERANCE_MS = 5 * 60_000;

/**
 * What a verified sink says of a rotation that Redis does not have: `ended`; `open` (but it could not be restored);
 * `never`: it would know it, so the mark was made up; `unknown`: the mark is older than the sink.
 */
export function inSink(known: LastKnown | null, claim: Claim): "open" | "ended" | "never" | "unknown" {
  if (known === null) return "unknown";
  if (known.checkpoints.has(claim.rotation)) return "open";
  if (known.ended.has(claim.rotation)) return "ended";
  return known.since !== null && claim.at !== null && claim.at >= known.since - TOLERANCE_MS ? "never" : "unknown";
}
