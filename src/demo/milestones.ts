import { ATTENTION, type AttentionCode } from "../rotation/codes.ts";
import type { HistoryEntry, Rotation } from "../rotation/record.ts";
import { COMPRESSED } from "./configuration.ts";
import { SECRET } from "./google.ts";
import { type Line, inWords, timeOfDay } from "./timeline.ts";

const PLACES = `app.env and secret ${SECRET}`;
const grace = inWords(COMPRESSED.gracePeriodMs);
const replacement = (r: Rotation): string => r.replacement?.name ?? "the replacement";

/** For the events of a healthy rotation: the state they lead to, and what happened in plain words. */
const HEALTHY: Record<string, { state: string; text: (r: Rotation) => string }> = {
  opened: {
    state: "awaiting_approval",
    text: (r) => {
      const days = Math.floor((r.createdAt - r.outgoing.createdAt) / 86_400_000);
      return `${r.outgoing.name} is ${days} days old (limit ${COMPRESSED.maxAgeDays}): the scan opened rotation ${r.id}; a person has to approve its plan`;
    },
  },
  approved: {
    state: "awaiting_replacement",
    text: (r) =>
      `approved, for exactly this plan (${r.planHash.slice(0, 12)}…); now a person creates the replacement in the Console`,
  },
  staged: {
    state: "verifying",
    text: (r) =>
      `${replacement(r)} was checked and staged beside what the applications read, durably; the applications still read ${r.outgoing.name}`,
  },
  verified: {
    state: "promoting",
    text: (r) => `${replacement(r)}, read back from where it is staged, answers live calls`,
  },
  promoted: { state: "propagating", text: (r) => `${PLACES} hold ${replacement(r)} now; both keys work` },
  propagated: {
    state: "draining",
    text: (r) => `read back as the applications read it; waiting until nobody uses ${r.outgoing.name} any more`,
  },
  drained: {
    state: "deactivating",
    text: (r) => `the usage report shows no more use of ${r.outgoing.name}, and real use of ${replacement(r)}`,
  },
  outgoing_inactive: {
    state: "grace_period",
    text: (r) =>
      `${PLACES} were read back and called once more; then ${r.outgoing.name} was set inactive. Reinstating it is one command for ${grace} (production: 7 d)`,
  },
  elapsed: { state: "archiving", text: () => "the grace period is over by our clock, Redis's and the API's" },
  outgoing_gone: { state: "completed", text: (r) => `${r.outgoing.name} is archived, for good` },
};

/** One line for one entry of a rotation's history. Pure. */
export function milestone(entry: HistoryEntry, record: Rotation): Line {
  const known = HEALTHY[entry.event];
  if (known !== undefined) return { at: entry.at, label: known.state, text: known.text(record) };
  const code = /^attention:(.*)$/.exec(entry.event)?.[1];
  if (code !== undefined && code in ATTENTION)
    return { at: entry.at, label: "needs attention", text: ATTENTION[code as AttentionCode] };
  return { at: entry.at, label: entry.event, text: `by ${entry.actor} via ${entry.via}` };
}

const MINUTE = 60_000;
/** Waits shorter than this need no explanation. */
const SHORT_MS = 5000;

/**
 * Why draining takes as long as it does: usage is reported by the minute, and a minute with one call counts as used to
 * its end. Null when there is little left to wait for. Pure.
 * @param lastUsedAt of the outgoing key, by the application's own account
 */
export function explainDrain(
  name: string,
  lastUsedAt: number | null,
  propagatedAt: number,
  now: number,
): { why: string; left: string } | null {
  if (lastUsedAt === null) return null;
  const minuteEnds = Math.floor(lastUsedAt / MINUTE) * MINUTE + MINUTE;
  const leftMs = minuteEnds + COMPRESSED.quietForMs - now;
  // Use before the minute in which the replacement went live is not asked for.
  if (minuteEnds <= propagatedAt || leftMs < SHORT_MS) return null;
  const left = `about ${inWords(leftMs)} to go`;
  const until = `${name}, last used at ${timeOfDay(lastUsedAt)}, counts as used until ${timeOfDay(minuteEnds)}`;
  const quiet = `then ${inWords(COMPRESSED.quietForMs)} of quiet: ${left}`;
  return {
    why: `usage is counted by the minute: ${until}; ${quiet}. The applications use the replacement meanwhile`,
    left,
  };
}
