import type { AdminKey } from "../../ports/key-admin.ts";
import type { ProblemCode } from "../../rotation/codes.ts";
import { physicalIdOf } from "../../rotation/locks.ts";
import { type MarkFacts, type Phase } from "../../rotation/marks.ts";
import { markFingerprint, sameHint } from "../../rotation/secret.ts";
import type { ReadDestination, ReadTarget } from "./read-targets.ts";

/** The keys that can matter to the targets, picked from the stream of all keys. */
export interface Candidates {
  byId: Map<string, AdminKey>;
  /** hint of a value → keys whose hint is the same, archived ones left out. */
  byHint: Map<string, AdminKey[]>;
}

interface Note {
  code: ProblemCode;
  message: string;
}
export type Bound = { key: AdminKey; notes: Note[] } | { key: null; problem: Note };

/** What to look for while the keys stream by: hints of values, ids named by marks and configuration. */
export function wantedOf(read: readonly ReadTarget[]): { hints: Set<string>; ids: Set<string> } {
  const hints = new Set<string>();
  const ids = new Set<string>();
  for (const { target, destinations } of read) {
    if (target.keyId !== null) ids.add(target.keyId);
    for (const { hint, marks } of destinations) {
      hints.add(hint);
      if (marks.replacementKeyId !== null) ids.add(marks.replacementKeyId);
      if (marks.outgoingKeyId !== null) ids.add(marks.outgoingKeyId);
    }
  }
  return { hints, ids };
}

/** Secrets that hold the key of several destinations: their one set of marks may speak of another field. */
export function sharedSecrets(read: readonly ReadTarget[]): Set<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const id of read.flatMap((r) => r.target.destinations.map(physicalIdOf))) {
    if (seen.has(id)) shared.add(id);
    seen.add(id);
  }
  return shared;
}

/**
 * Which key a target uses, from the value itself (R11): the mark's key id only while the value is the one the mark was
 * written for; else the one non-archived key of the whole organization with the value's hint; else the configured id,
 * unless its known hint contradicts. Names never bind; two matches are a problem, not a guess.
 */
export function bind(read: ReadTarget, candidates: Candidates, shared: ReadonlySet<string> = new Set()): Bound {
  const { target, destinations } = read;
  const first = destinations[0];
  if (read.problem !== null) return { key: null, problem: read.problem };
  if (first === undefined) return problem("destination_missing", `${target.name} has no destination`);
  if (destinations.some((d) => d.fingerprint !== first.fingerprint)) {
    return problem("destinations_disagree", `the destinations of ${target.name} hold different keys`);
  }
  const matches = candidates.byHint.get(first.hint) ?? [];
  for (const d of destinations) {
    const marked = byMark(d, matches, candidates);
    if (marked !== null) return { key: marked, notes: [] };
  }
  return byHintOrId(read, first, matches, candidates, staleMarks(destinations, shared, target.name));
}

function staleMarks(destinations: readonly ReadDestination[], shared: ReadonlySet<string>, name: string): Note[] {
  const stale = destinations.some(
    (d) => d.marks.fingerprint !== null && !marksThis(d) && !shared.has(physicalIdOf(d.dest)),
  );
  const message = `the value at ${name} was changed since Keyturn's last write; its mark is not used`;
  return stale ? [{ code: "changed_elsewhere", message }] : [];
}

const marksThis = (d: ReadDestination): boolean => d.marks.fingerprint === markFingerprint(d.fingerprint);

/** Phases in which the value that the mark was written for is the replacement; in the others it is the outgoing key. */
const REPLACED: readonly (Phase | null)[] = [
  null,
  "promoted",
  "deactivate",
  "deactivated",
  "archive",
  "reinstate",
  "done",
];
/** The key that the marks say the value is, first; then the other one they name. */
export const namedBy = (marks: MarkFacts): (string | null)[] =>
  REPLACED.includes(marks.phase)
    ? [marks.replacementKeyId, marks.outgoingKeyId]
    : [marks.outgoingKeyId, marks.replacementKeyId];

/** A mark is only a hint: the key must exist, and neither its own hint nor another key's may contradict (R2). */
function byMark(d: ReadDestination, matches: readonly AdminKey[], { byId }: Candidates): AdminKey | null {
  if (!marksThis(d)) return null;
  const [first, second] = namedBy(d.marks).map((id) => (id === null ? undefined : byId.get(id)));
  for (const key of [first, second]) if (key !== undefined && sameHint(key.hint, d.hint)) return key;
  return first !== undefined && first.hint === null && matches.length === 0 ? first : null;
}

function byHintOrId(
  read: ReadTarget,
  first: ReadDestination,
  matches: readonly AdminKey[],
  candidates: Candidates,
  notes: Note[],
): Bound {
  const { keyId } = read.target;
  const configured = keyId === null ? undefined : candidates.byId.get(keyId);
  const [only, second] = matches;
  if (only !== undefined && second === undefined) return { key: only, notes };
  if (only !== undefined) {
    const meant = matches.find((k) => k.id === keyId);
    if (meant !== undefined) return { key: meant, notes };
    const names = matches.map((k) => `${k.name} (${k.id})`).join(" and ");
    return problem("ambiguous_key", `${names} have the hint of the value (${first.hint}); name one as key.id`);
  }
  if (keyId === null) {
    return problem(
      "unknown_key",
      `the value (${first.hint}) matches no key of the organization; name it as key.id if its hint is hidden`,
    );
  }
  if (configured === undefined)
    return problem(
      "unknown_key",
      `key.id ${keyId} is no key of the organization, and the value (${first.hint}) matches none`,
    );
  if (configured.hint !== null && !sameHint(configured.hint, first.hint)) {
    return problem(
      "key_mismatch",
      `key.id ${configured.id} has the hint ${configured.hint}, the value has ${first.hint}`,
    );
  }
  return { key: configured, notes };
}

const problem = (code: ProblemCode, message: string): Bound => ({ key: null, problem: { code, message } });
