import type { AdminKey } from "../../ports/key-admin.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import type { Deps } from "../deps.ts";
import { openRotations } from "../find.ts";

/** A key that could be the one the person just made. Shown to whoever holds the link: no more than the Console's list. */
export interface NewKey {
  id: string;
  name: string;
  hint: string | null;
  createdAt: Instant;
  /** Appeared since this rotation was approved; the others are older than that. */
  sinceApproval: boolean;
  /** Made with the suggested name, but in another workspace than the outgoing key: a common slip. */
  otherWorkspace: boolean;
}
export interface Surroundings {
  /** Newest first, at most `SHOWN`. */
  keys: NewKey[];
  suggestedName: string;
}

const SHOWN = 20;
/** The list is read again at most this often for one rotation, and never more than a tenth of the time. */
const FRESH_MS = 3000;
/** Rotations whose answer is remembered; far more than ever wait at once. */
const REMEMBERED = 200;

/** So long a page waits for the first answer; after that it does without until the next look. */
const PATIENCE_MS = 2500;
/** A list that takes longer is given up. */
const GIVE_UP_MS = 60_000;

interface Read {
  at: Instant;
  /** null: still under way. */
  tookMs: number | null;
  answer: Promise<Surroundings | null>;
  /** The answer before this one. */
  before: Surroundings | null;
}
/** By the Admin API that was asked, so that two installations in one process do not share answers. */
const reads = new WeakMap<Deps["admin"], Map<string, Read>>();

/**
 * The keys that appeared beside a rotation, and a name that is free. The order of the Admin API's list is not documented
 * (facts: anthropic-api.md 1.2), so every page is read, with flat memory; polling pages share one read.
 * @returns within seconds; null when the Admin API cannot be asked now or is slow: the page then does without
 */
export function surroundingsOf(deps: Deps, r: Rotation): Promise<Surroundings | null> {
  const known = reads.get(deps.admin) ?? new Map<string, Read>();
  reads.set(deps.admin, known);
  const now = deps.clock.now();
  const last = known.get(r.id);
  if (last !== undefined && (last.tookMs === null || now - last.at < Math.max(FRESH_MS, 10 * last.tookMs)))
    return soon(last);
  known.delete(r.id);
  for (const oldest of known.keys()) {
    if (known.size < REMEMBERED) break;
    known.delete(oldest);
  }
  const answer = readSurroundings(deps, r).catch(() => null);
  const read: Read = { at: now, tookMs: null, answer, before: null };
  known.set(r.id, read);
  void last?.answer.then((before) => (read.before = before));
  void answer.then(() => (read.tookMs = deps.clock.now() - now));
  return soon(read);
}

/** The answer, or the one before it when it takes longer than a person looks at an empty page. Real time, on purpose. */
function soon(read: Read): Promise<Surroundings | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(read.before), PATIENCE_MS);
    void read.answer.then((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

async function readSurroundings(deps: Deps, r: Rotation): Promise<Surroundings> {
  const since = approvedAt(r);
  const base = r.plan.requiredName ?? datedName(r.outgoing.name, since);
  const elsewhere = await inOtherRotations(deps, r);
  const takenNames = new Set<string>();
  const found: NewKey[] = [];
  for await (const page of deps.admin.listKeys(AbortSignal.timeout(GIVE_UP_MS))) {
    for (const key of page) {
      if (key.createdAt < since && key.name.startsWith(base)) takenNames.add(key.name);
      if (!isCandidate(key, r) || elsewhere.has(key.id)) continue;
      const otherWorkspace = isElsewhere(key, r);
      if (otherWorkspace && key.createdAt < since) continue;
      const { id, name, hint, createdAt } = key;
      found.push({ id, name, hint, createdAt, sinceApproval: createdAt >= since, otherWorkspace });
    }
    found.sort((a, b) => b.createdAt - a.createdAt);
    found.length = Math.min(found.length, 4 * SHOWN);
  }
  const suggestedName = r.plan.requiredName ?? freeName(base, takenNames);
  // Keys of other workspaces are other people's business, unless somebody was plainly about to do this very task.
  const keys = found.filter((key) => !key.otherWorkspace || key.name === suggestedName).slice(0, SHOWN);
  return { keys, suggestedName };
}

/** Both clocks are involved, ours and the organization's: a few seconds of difference must not hide the key. */
const SKEW_MS = 5000;
const approvedAt = (r: Rotation): Instant =>
  r.approvals.reduce((latest, approval) => Math.max(latest, approval.at), r.createdAt) - SKEW_MS;

const isCandidate = (key: AdminKey, r: Rotation): boolean =>
  key.status === "active" && key.id !== r.outgoing.id && key.createdAt > r.outgoing.createdAt;

const isElsewhere = (key: AdminKey, r: Rotation): boolean =>
  r.outgoing.workspaceId !== null && key.workspaceId !== null && key.workspaceId !== r.outgoing.workspaceId;

async function inOtherRotations(deps: Deps, r: Rotation): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const other of await openRotations(deps)) {
    if (other.id === r.id) continue;
    ids.add(other.outgoing.id);
    if (other.replacement !== null) ids.add(other.replacement.id);
  }
  return ids;
}

/** The old name with the day of the approval: stays the same while the page is open, and tells keys apart next time. */
export function datedName(name: string, at: Instant): string {
  const day = new Date(at).toISOString().slice(0, 10);
  return `${name.replace(/-\d{4}-\d{2}-\d{2}(-\d+)?$/, "")}-${day}`;
}

/** @param taken names of keys that were there before the approval */
export function freeName(base: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(name)) return name;
  }
}
