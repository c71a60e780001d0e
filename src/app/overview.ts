import type { ChainHead } from "../ports/audit.ts";
import type { Cut, KeptReport, KeptTarget } from "../ports/rotations.ts";
import { ageMs } from "../rotation/policy.ts";
import type { Instant, KeyFacts, Rotation } from "../rotation/record.ts";
import { isPromoted } from "../rotation/transition.ts";
import type { Deps } from "./deps.ts";
import { openRotations } from "./find.ts";

/** A target as a page shows it: the last scan's words, and what happened since by the records. */
export interface TargetLine extends Omit<KeptTarget, "message" | "reason"> {
  /** null: no scan has seen it yet. */
  message: string | null;
  reason: string | null;
  /** Of the key that applications read; null while it is not known. */
  ageMs: number | null;
  /** The open rotation that is about this target. */
  rotation: Rotation | null;
  held: boolean;
}

/** Everything the dashboard's first page tells. */
export interface Overview {
  now: Instant;
  /** End of the last scan that worked; null: there was none. */
  lastScan: Instant | null;
  /** Of the last scan; null where it did not say. */
  scanned: { keys: number | null; durationMs: number | null };
  auditHead: ChainHead | null;
  /** What needs a person first, then by what happens next. */
  open: Rotation[];
  /** Ended, the newest first. */
  ended: Rotation[];
  targets: Cut<TargetLine>;
  /** Due within 30 days and not open yet, the soonest first. */
  upcoming: TargetLine[];
  unmanaged: KeptReport["unmanaged"];
  problems: KeptReport["problems"];
}

type OverviewDeps = Pick<Deps, "clock" | "settings" | "rotations" | "scanLog" | "holds" | "registry" | "audit">;

const UPCOMING_MS = 30 * 86_400_000;
/** So many records are looked at for what ended: enough for a page, whatever the history. */
const LOOK_BACK = 100;
const SHOWN_ENDED = 5;
const NOTHING = { shown: [], total: 0 };

/**
 * The state of the installation from what is kept in Redis: the last scan's report and the records. Asks neither the Admin
 * API nor a store, so that looking costs nobody anything. @throws REDIS_UNAVAILABLE
 */
export async function overview(deps: OverviewDeps): Promise<Overview> {
  const now = deps.clock.now();
  const [report, lastScan, auditHead, open, recent, held] = await Promise.all([
    deps.scanLog.report(),
    deps.scanLog.lastSuccess(),
    deps.audit.head(),
    openRotations(deps),
    newest(deps, LOOK_BACK),
    heldSubjects(deps),
  ]);
  const ended = recent.filter((r) => r.endedAt !== null).toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const about = byTarget(open);
  const line = (t: KeptTarget | null, name: string): TargetLine =>
    lineOf(t ?? unseen(name), { now, about: about.get(name) ?? [], ended, held, scannedAt: report?.scannedAt ?? 0 });
  const seen = new Set(report?.targets.shown.map((t) => t.name));
  const lines = [
    ...deps.settings.targets.filter((t) => !seen.has(t.name)).map((t) => line(null, t.name)),
    ...(report?.targets.shown ?? []).map((t) => line(t, t.name)),
  ];
  return {
    now,
    lastScan,
    scanned: { keys: report?.keys ?? null, durationMs: report?.durationMs ?? null },
    auditHead,
    open: open.toSorted(byUrgency),
    ended: ended.slice(0, SHOWN_ENDED),
    targets: { shown: lines, total: Math.max(lines.length, report?.targets.total ?? 0) },
    upcoming: lines
      .filter((t) => t.rotation === null && t.dueAt !== null && t.dueAt <= now + UPCOMING_MS)
      .toSorted((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)),
    unmanaged: report?.unmanaged ?? NOTHING,
    problems: report?.problems ?? NOTHING,
  };
}

/** One target with its rotations; null when neither the configuration nor the last scan knows it. */
export async function targetOverview(
  deps: OverviewDeps,
  name: string,
): Promise<{ line: TargetLine; rotations: Rotation[]; now: Instant } | null> {
  const all = await overview(deps);
  const line = all.targets.shown.find((t) => t.name === name);
  const rotations = (await newest(deps, LOOK_BACK)).filter((r) => r.target === name || r.plan.targets.includes(name));
  return line === undefined ? null : { line, rotations, now: all.now };
}

/** Ended rotations, the newest first, a page at a time; `more`: there is another page. */
export async function history(
  deps: Pick<Deps, "rotations">,
  given: { page: number; size: number },
): Promise<{ rotations: Rotation[]; more: boolean }> {
  const skip = given.page * given.size;
  const found: Rotation[] = [];
  for await (const r of deps.rotations.all()) {
    found.push(r);
    if (found.length > skip + given.size) break;
  }
  return { rotations: found.slice(skip, skip + given.size), more: found.length > skip + given.size };
}

async function newest(deps: Pick<Deps, "rotations">, most: number): Promise<Rotation[]> {
  return (await history(deps, { page: 0, size: most })).rotations;
}

const unseen = (name: string): KeptTarget => ({
  name,
  keyId: null,
  keyName: null,
  hint: null,
  createdAt: null,
  expiresAt: null,
  maxAgeMs: null,
  dueAt: null,
  due: false,
  reason: null,
  message: "",
});

function lineOf(
  kept: KeptTarget,
  now: {
    now: Instant;
    /** Open and about this target. */
    about: readonly Rotation[];
    ended: readonly Rotation[];
    held: ReadonlySet<string>;
    scannedAt: Instant;
  },
): TargetLine {
  const { about } = now;
  // Two may be open: one in its grace period, and the next.
  const rotation = about.toSorted((a, b) => b.createdAt - a.createdAt)[0] ?? null;
  const since = [...about, ...now.ended.filter((r) => (r.endedAt ?? 0) >= now.scannedAt)];
  const replaced = since.find((r) => r.outgoing.id === kept.keyId && inUse(r));
  const key = replaced?.replacement ?? null;
  const facts = key === null || replaced === undefined ? kept : { ...kept, ...factsOf(key), ...dueAgain(kept, key) };
  return {
    ...facts,
    message: kept.message === "" ? null : facts.message,
    ageMs: facts.createdAt === null ? null : ageMs({ now: now.now, createdAt: facts.createdAt }),
    rotation,
    held: now.held.has(kept.name) || (facts.keyId !== null && now.held.has(facts.keyId)),
  };
}

/** Sorted out once: with thousands of both, looking through all rotations for each target takes a scrape's time. */
function byTarget(open: readonly Rotation[]): Map<string, Rotation[]> {
  const found = new Map<string, Rotation[]>();
  for (const r of open) {
    for (const name of r.plan.targets) {
      const known = found.get(name);
      if (known === undefined) found.set(name, [r]);
      else known.push(r);
    }
  }
  return found;
}

/** Whether applications read the replacement. */
const inUse = (r: Rotation): boolean => r.replacement !== null && (r.state === "completed" || isPromoted(r));

const factsOf = (key: KeyFacts) => ({
  keyId: key.id,
  keyName: key.name,
  hint: key.hint,
  createdAt: key.createdAt,
  expiresAt: key.expiresAt,
});

/** The next scan says it better; until then the age of the new key is what counts. */
const dueAgain = ({ maxAgeMs }: KeptTarget, key: KeyFacts) => ({
  due: false,
  dueAt: maxAgeMs === null ? null : key.createdAt + maxAgeMs,
  message: "replaced since the last scan",
});

async function heldSubjects(deps: Pick<Deps, "settings" | "holds" | "registry">): Promise<Set<string>> {
  const [announced, set] = await Promise.all([deps.registry.holds(), deps.holds.list()]);
  return new Set([...deps.settings.holds, ...announced, ...Object.keys(set)]);
}

const byUrgency = (a: Rotation, b: Rotation): number =>
  Number(b.attention !== null) - Number(a.attention !== null) ||
  (a.deadline ?? Number.MAX_SAFE_INTEGER) - (b.deadline ?? Number.MAX_SAFE_INTEGER) ||
  a.enteredAt - b.enteredAt;
