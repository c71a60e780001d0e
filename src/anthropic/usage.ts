import type { UsageWindow } from "../ports/key-admin.ts";
import { type ClientDeps, invalid } from "./admin-client.ts";
import type { UsageRow } from "./usage-rows.ts";
import { ANALYTICS, LEGACY, oldest, readReport, type Report, type Source } from "./usage-source.ts";
import { minutesOf, overlaps, piecesOf } from "./usage-window.ts";

/** After a refusal the analytics are left alone for so long, then tried again. */
const ANALYTICS_PAUSE_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

interface Question {
  keyId: string;
  from: number;
  to: number;
  bucket: "day" | "minute";
  signal?: AbortSignal | undefined;
}
interface Findings {
  rows: UsageRow[];
  lastUsedAt: number | null;
  freshUntil: number | null;
}

/** Reads usage by key. Keep one instance: it remembers whether the analytics answer us. */
export class UsageReader {
  readonly #deps: ClientDeps;
  #pausedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
  }

  /** See `KeyAdmin.usage`. Buckets that only touch the window count whole: a used key must never look unused. */
  async read(question: Question): Promise<UsageWindow> {
    return (await this.#fromAnalytics(question)) ?? this.#fromLegacy(question);
  }

  /** null: the analytics refuse us or do not exist here. */
  async #fromAnalytics(question: Question): Promise<UsageWindow | null> {
    const sincePause = this.#deps.clock.now() - this.#pausedAt;
    // A clock that was set back must not keep the pause for ever.
    if (sincePause >= 0 && sincePause < ANALYTICS_PAUSE_MS) return null;
    const found = await find(this.#deps, ANALYTICS, question);
    if ("refusedWith" in found) {
      // 400 may be about this one question, so it is not remembered.
      if (found.refusedWith !== 400) this.#pausedAt = this.#deps.clock.now();
      const fields = { event: "admin.usage_fallback", status: found.refusedWith };
      this.#deps.log?.warn(fields, "the usage analytics refused; the legacy report is used");
      return null;
    }
    const requests = sum(found.rows.map((row) => row.requests));
    return { ...summary(question, found), requests, source: "analytics" };
  }

  async #fromLegacy(question: Question): Promise<UsageWindow> {
    const found = await find(this.#deps, LEGACY, question);
    if ("refusedWith" in found) throw invalid(LEGACY.path, `answered ${found.refusedWith}`);
    return { ...summary(question, found), requests: null, source: "legacy_report" };
  }
}

/** The rows of the window and its last use. A last use told by the hour is looked up by the minute. */
async function find(deps: ClientDeps, source: Source, question: Question): Promise<Findings | { refusedWith: number }> {
  const { keyId, from, to, bucket, signal } = question;
  const report = await readReport(deps, source, keyId, piecesOf(from, to, bucket), signal);
  if ("refusedWith" in report) return report;
  const rows = report.rows.filter((row) => overlaps(row, from, to));
  const last = lastUsed(rows);
  const minutes = last === null || bucket === "day" ? null : minutesOf(last);
  if (last === null || minutes === null) return { rows, lastUsedAt: last?.from ?? null, freshUntil: report.freshUntil };
  const closer: Report | { refusedWith: number } = await readReport(deps, source, keyId, [minutes], signal);
  if ("refusedWith" in closer) return closer;
  // Two reports that disagree: the end of the hour is what can be vouched for.
  const lastUsedAt = lastUsed(closer.rows)?.from ?? last.to - MINUTE_MS;
  return { rows, lastUsedAt, freshUntil: oldest([report.freshUntil, closer.freshUntil]) };
}

function lastUsed(rows: readonly UsageRow[]): UsageRow | null {
  return rows.reduce<UsageRow | null>(
    (last, row) => (row.used && (last === null || row.from > last.from) ? row : last),
    null,
  );
}

/** null when any of them is not known. */
function sum(counts: readonly (number | null)[]): number | null {
  return counts.reduce<number | null>((total, one) => (total === null || one === null ? null : total + one), 0);
}

function summary(
  question: Question,
  found: Findings,
): Pick<UsageWindow, "tokens" | "lastUsedAt" | "days" | "freshUntil"> {
  const used = found.rows.filter((row) => row.used);
  const days = question.bucket === "day" ? used.map((row) => new Date(row.from).toISOString().slice(0, 10)) : [];
  return {
    tokens: found.rows.reduce((total, row) => total + row.tokens, 0),
    lastUsedAt: found.lastUsedAt,
    freshUntil: found.freshUntil,
    days: [...new Set(days)].sort(),
  };
}
