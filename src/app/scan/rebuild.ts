import type { LastKnown } from "../../ports/audit.ts";
import { knowsUpTo, revisionAfter } from "../../rotation/behind.ts";
import type { HistoryEntry, Rotation } from "../../rotation/record.ts";
import { HISTORY_LIMIT, move } from "../../rotation/transition.ts";
import { isNewer } from "../../rotation/newer.ts";
import type { Deps } from "../deps.ts";
import { destinationsSeen } from "../destinations-seen.ts";
import { marksSeen } from "../marks-seen.ts";
import { historyOnRecord } from "./history-on-record.ts";
import type { Problem } from "./report.ts";
import { restoreHold, saveRebuilt } from "./restore.ts";

type Checkpoint = Omit<Rotation, "history">;

/**
 * After a loss or an old restore of Redis: puts back what the verified audit sink knows (P8). A rotation is then exactly
 * what it was, approvals included; one that had ended ends again. Holds come back. Safe to repeat.
 * @returns the ids that were put back
 */
export async function rebuildFromSink(deps: Deps, known: LastKnown | null, problems: Problem[]): Promise<string[]> {
  if (known === null) return [];
  const rebuilt: string[] = [];
  // Holds first: workers take a rotation up as soon as it is back (R17).
  const held = await deps.holds.list();
  for (const [subject, { actor }] of known.holds) {
    if (held[subject] === undefined) await restoreHold(deps, subject, actor, "sink");
  }
  // The ends first: they give back what others need.
  const lost: Lost[] = await endedElsewhere(deps, known);
  for (const [id, { revision, record }] of known.checkpoints) {
    const there = await deps.rotations.load(id);
    if (!isCheckpoint(record, id) || (there !== null && isRevokedSince(there, record))) continue;
    const isNewest = there !== null && knowsUpTo(there) >= revision;
    const other = await otherLife(deps, isNewest ? there : record, known.lives.get(id) ?? []);
    if (other !== null) lost.push({ checkpoint: { ...other, revision: Math.max(revision, other.revision) }, there });
    else if (!isNewest) lost.push({ checkpoint: record, there });
  }
  // One reading of the sink for all of them.
  const histories = await historyOnRecord(deps, new Set(lost.map(({ checkpoint }) => checkpoint.id)));
  for (const one of lost) {
    if (await restore(deps, one, histories.get(one.checkpoint.id) ?? [], problems)) rebuilt.push(one.checkpoint.id);
  }
  return rebuilt;
}

/** Whoever revoked a key in what Redis has must not find it alive again, however old that was (R4). Its marks are looked at later. */
const isRevokedSince = (there: Rotation, { reason }: Checkpoint): boolean =>
  there.reason === "compromised" && there.endedAt === null && reason !== "compromised";

/**
 * After a split brain a rotation has two lives, of which the newest by its number, or the one in Redis, may be the one that knows
 * least: a rebuild jumps above all numbers. What applications read tells which one it is.
 */
async function otherLife(deps: Deps, newest: Checkpoint, lives: readonly unknown[]): Promise<Checkpoint | null> {
  const fingerprintIn = ({ replacement }: Checkpoint): string => replacement?.fingerprint ?? "";
  const others = lives
    .filter((life) => isCheckpoint(life, newest.id))
    .filter((life) => fingerprintIn(life) !== fingerprintIn(newest))
    // Whoever revoked the key in this life must not find it alive in another (R4).
    .filter((life) => newest.reason !== "compromised" || life.reason === "compromised");
  if (others.length === 0) return null;
  const seen = await destinationsSeen(deps, newest).catch(() => []);
  const values = new Set(seen.map(({ fingerprint }) => fingerprint ?? "missing"));
  return values.has(fingerprintIn(newest)) ? null : (others.find((life) => values.has(fingerprintIn(life))) ?? null);
}

/** What the sink has of a rotation, and the stale record that Redis still has, if any. */
interface Lost {
  checkpoint: Checkpoint;
  there: Rotation | null;
}

const isCheckpoint = (x: unknown, id: string): x is Checkpoint =>
  typeof x === "object" &&
  x !== null &&
  "schema" in x &&
  x.schema === 1 &&
  "id" in x &&
  x.id === id &&
  "state" in x &&
  typeof x.state === "string" &&
  !isNewer({ schema: x.schema, state: x.state }) &&
  "plan" in x &&
  "outgoing" in x;

async function restore(
  deps: Deps,
  { checkpoint, there }: Lost,
  onRecord: readonly HistoryEntry[],
  problems: Problem[],
): Promise<boolean> {
  const now = deps.clock.now();
  const { id, target } = checkpoint;
  const stale = there === null ? "Redis had lost it" : `Redis had revision ${there.revision}`;
  const found: Rotation = {
    ...checkpoint,
    revision: revisionAfter(checkpoint.revision, knowsUpTo(checkpoint), there?.revision ?? 0),
    rebuilt: checkpoint.rebuilt ?? "sink",
    // An archive call that was sent stays "too late to decide"; one that was only meant is decided anew.
    intent: checkpoint.intent?.sent === true ? checkpoint.intent : null,
    lease: null,
    retry: null,
    wakeAt: checkpoint.endedAt === null || !checkpoint.cleanedUp ? now : null,
    history: [
      ...(onRecord.length > 0 ? onRecord : (there?.history ?? [])),
      { at: now, event: "rebuilt", actor: "keyturn", via: "scan" },
    ].slice(-HISTORY_LIMIT),
  };
  const over = await isOvertaken(deps, found);
  const record = over ? move(found, { event: "cancelled", at: now, actor: "keyturn", via: "scan" }) : found;
  const saved = await saveRebuilt(deps, record, there?.revision ?? 0, { from: "sink", revision: checkpoint.revision });
  const outcome = !saved
    ? "it could not be restored, because another rotation occupies its target or key"
    : over
      ? `its key ${found.outgoing.name} is in no destination any more, so it was ended`
      : "it was restored from the audit sink";
  if (there !== null || !saved || over)
    problems.push({
      code: "state_behind",
      target,
      message: `rotation ${id} was at revision ${checkpoint.revision}, ${stale}; ${outcome}`,
    });
  return saved;
}

/**
 * Whether the targets went on without it while nobody knew of it: then there is nothing to ask a person for. Only before
 * anything was handed over; a value that cannot be read proves nothing (P12).
 */
async function isOvertaken(deps: Deps, r: Rotation): Promise<boolean> {
  const waits = r.state === "awaiting_approval" || (r.state === "awaiting_replacement" && r.replacement === null);
  if (!waits || r.reason === "compromised" || r.target === null || r.outgoing.fingerprint === null) return false;
  const seen = await destinationsSeen(deps, r).catch(() => []);
  if (seen.length === 0 || seen.some(({ holds }) => holds !== "other")) return false;
  // Unless that was this rotation itself, in another life of it.
  const marks = await marksSeen(deps, r, seen).catch(() => null);
  return marks !== null && marks.unknownReplacement === null;
}

/** Rotations that are open in an old restore of Redis, although the sink has their end. */
async function endedElsewhere(deps: Deps, known: LastKnown): Promise<Lost[]> {
  const revived = new Map<string, Rotation>();
  for (const id of await deps.rotations.openIds()) {
    const there = await deps.rotations.load(id);
    const ended = known.ended.get(id);
    if (there !== null && ended !== undefined && knowsUpTo(there) < ended) revived.set(id, there);
  }
  if (revived.size === 0) return [];
  // Ends are not kept in memory, there are too many; they are looked up only when one is needed.
  const ends = new Map<string, Checkpoint>();
  for await (const { rotation, checkpoint } of deps.audit.entries()) {
    if (rotation === null || !revived.has(rotation) || !isCheckpoint(checkpoint, rotation)) continue;
    if (checkpoint.endedAt !== null && isFurtherEnd(checkpoint, ends.get(rotation))) ends.set(rotation, checkpoint);
  }
  return [...revived].flatMap(([id, there]): Lost[] => {
    const checkpoint = ends.get(id);
    return checkpoint === undefined ? [] : [{ checkpoint, there }];
  });
}

/** A completion counts whatever came later; else the end that knows most. */
const isFurtherEnd = (end: Checkpoint, known: Checkpoint | undefined): boolean =>
  known === undefined ||
  end.state === "completed" ||
  (known.state !== "completed" && knowsUpTo(end) >= knowsUpTo(known));
