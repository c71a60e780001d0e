import { type About, aboutOf } from "../rotation/about.ts";
import { isBehind } from "../rotation/behind.ts";
import { ATTENTION, type AttentionCode } from "../rotation/codes.ts";
import { type Decision, decide } from "../rotation/decide.ts";
import { ERRORS, type KeyturnError, asKeyturnError } from "../rotation/errors.ts";
import { isNewer } from "../rotation/newer.ts";
import type { Observation } from "../rotation/observation.ts";
import type { Rotation } from "../rotation/record.ts";
import { type State, isFinal } from "../rotation/states.ts";
import { commitAmend, commitMove } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { EFFECTS } from "./effects/index.ts";
import { leaveAlone } from "./leave-alone.ts";
import { withLogFields } from "./log-fields.ts";
import { observe } from "./observe.ts";
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS, US, attend, settle } from "./settle.ts";

/** What one call of `advance` did. */
export interface Step {
  about: About;
  from: State;
  to: State;
  /**
   * `moved` to another state; `acted` outside or on the record, and stayed; `waited`: nothing was to be done; `attention`:
   * a person is needed; `superseded`: somebody else changed the record meanwhile; `failed`: tried again later.
   */
  outcome: "moved" | "acted" | "waited" | "attention" | "superseded" | "failed";
  /** Of the error, or of the attention. */
  code: string | null;
  /** Milliseconds. */
  took: number;
}

/** Trouble that waiting can fix is shown to a person when it has lasted this long. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Takes one rotation one step: load → observe → decide → act → save → wake next. Safe to run again after a crash at any
 * line and beside other workers: the save is a compare-and-set, and every effect looks before it acts.
 */
export async function advance(id: string, deps: Deps): Promise<Step | null> {
  const record = await deps.rotations.load(id);
  if (record === null) return null;
  if (isNewer(record)) return leaveAlone(deps, record);
  if (isFinal(record.state) && record.wakeAt === null) return null;
  // Somebody is handing a key over: saving anything now would make their save too late (R20).
  if (record.lease !== null && record.lease.until > deps.clock.now())
    return stepFrom(record, performance.now(), { outcome: "waited" });
  return withLogFields({ ...aboutOf(record) }, () => takeStep(deps, record));
}

async function takeStep(deps: Deps, record: Rotation): Promise<Step> {
  const began = performance.now();
  const log = { ...aboutOf(record), state: record.state, revision: record.revision };
  try {
    const seen = await observe(deps, record);
    const decision = decide(withPromoted(record, seen), seen);
    const after = await carryOut(deps, withPromoted(record, seen), decision);
    const step = stepFrom(record, began, {
      to: after.state,
      outcome: outcomeOf(record, decision, after),
      code: after.attention?.code ?? null,
    });
    tell(deps, step);
    return step;
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code === "CONFLICT") {
      deps.log.debug(
        { event: "step.superseded", ...log },
        "somebody else changed the rotation meanwhile; their write counts",
      );
      return stepFrom(record, began, { outcome: "superseded", code: error.code });
    }
    const step = stepFrom(record, began, { outcome: "failed", code: error.code });
    deps.log.warn(
      {
        event: "step.failed",
        code: error.code,
        reason: error.reason,
        err: error.code === "INTERNAL" ? error : undefined,
        durationMs: step.took,
        ...log,
      },
      error.message,
    );
    await recordTrouble(deps, record, error);
    return step;
  }
}

const stepFrom = (
  record: Rotation,
  began: number,
  end: Pick<Step, "outcome"> & Partial<Pick<Step, "to" | "code">>,
): Step => ({
  about: aboutOf(record),
  from: record.state,
  to: end.to ?? record.state,
  outcome: end.outcome,
  code: end.code ?? null,
  took: Math.round(performance.now() - began),
});

function outcomeOf(before: Rotation, decision: Decision, after: Rotation): Step["outcome"] {
  if (after.state !== before.state) return "moved";
  if (after.attention !== null) return "attention";
  return decision.do === "wait" ? "waited" : "acted";
}

/** One line per step that changed something; those that only looked are for whoever asks for them. */
function tell({ log }: Deps, { about, from, to, outcome, code, took }: Step): void {
  const line = { event: "rotation.step", ...about, from, to, outcome, code, durationMs: took };
  if (outcome === "moved" || outcome === "acted") log.info(line, `a step in ${from}: ${outcome}`);
  else log.debug(line, `a step in ${from}: ${outcome}`);
}

/** A worker may have died between promoting a destination and saying so: what is seen there counts. */
function withPromoted(r: Rotation, seen: Observation): Rotation {
  if (seen.destinations === null) return r;
  const isNew = (i: number): boolean =>
    seen.destinations?.[i]?.holds === "replacement" && r.progress[i]?.promotedAt === null;
  return r.progress.some((_, i) => isNew(i))
    ? { ...r, progress: r.progress.map((p, i) => (isNew(i) ? { ...p, promotedAt: seen.at } : p)) }
    : r;
}

async function carryOut(deps: Deps, record: Rotation, decision: Decision): Promise<Rotation> {
  switch (decision.do) {
    case "move": {
      const after = await commitMove(deps, record, {
        event: decision.event,
        at: deps.clock.now(),
        ...US,
        ...(decision.patch ? { patch: decision.patch } : {}),
      });
      const lost = record.state === "reinstating" && decision.event === "outgoing_gone" && !isFinal(after.state);
      return lost ? attend(deps, after, "outgoing_dead", "It cannot be reinstated any more.") : after;
    }
    case "perform":
      return EFFECTS[decision.effect](deps, record);
    case "attend":
      return attend(deps, record, decision.code, decision.about);
    case "wait":
      return settle(deps, record, decision.until, decision.patch);
  }
}

/** A failed step: tried again with growing pauses, and shown to a person when waiting does not help (P12). */
async function recordTrouble(deps: Deps, before: Rotation, error: KeyturnError): Promise<void> {
  const { id } = before;
  try {
    // Loaded again: the effect may have saved its intent before it failed.
    const record = await deps.rotations.load(id);
    // In another state already: a worker that was overtaken has nothing to say about what others do now (P6).
    if (record === null || record.state !== before.state) return;
    const now = deps.clock.now();
    const attempts = (record.retry?.attempts ?? 0) + 1;
    const since = record.retry?.since ?? now;
    const backoff = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20));
    const pause = Math.max(
      backoff * (0.75 + Math.random() * 0.25),
      Math.min(error.retryAfterMs ?? 0, LONGEST_PAUSE_MS),
    );
    const retry = { attempts, since, code: error.code };
    // That it is behind is what a scan goes by; it stays said until it is not so any more (R16).
    if (isBehind(record) || (error.fixedBy === "waiting" && now - since < PATIENCE_MS)) {
      await commitAmend(deps, record, { retry, wakeAt: now + pause }, null);
    } else {
      await attend(deps, record, attentionFor(error), detailOf(error));
    }
  } catch (thrown) {
    // Redis itself is away: the due index still names the rotation, the reconciler wakes it when Redis is back.
    deps.log.error(
      { event: "step.unrecorded", ...aboutOf(before), code: asKeyturnError(thrown).code },
      "a failed step could not be recorded",
    );
  }
}

const ATTENTION_FOR: Partial<Record<KeyturnError["code"], AttentionCode>> = {
  STORE_UNAVAILABLE: "store_unavailable",
  STORE_DENIED: "store_denied",
  STORE_MISSING: "destination_unreadable",
  STORE_CONFLICT: "store_conflict",
  BASE_CHANGED: "store_conflict",
  FOREIGN_PENDING: "foreign_pending",
  ADMIN_UNAVAILABLE: "admin_unavailable",
  ADMIN_INVALID: "admin_unavailable",
  ADMIN_DENIED: "admin_denied",
  ADMIN_REFUSED: "admin_denied",
  KEY_LIMIT: "key_limit",
  SINK_UNAVAILABLE: "sink_failing",
  LOCK_HELD: "secret_busy",
  OTHER_HOST: "other_host",
  HELD: "held",
};
/** What the error adds to its code's sentence. */
const detailOf = (error: KeyturnError): string | undefined =>
  error.message.slice(ERRORS[error.code].say.length).trim() || undefined;
const isAttention = (code: string | null): code is AttentionCode => code !== null && code in ATTENTION;
const attentionFor = (error: KeyturnError): AttentionCode =>
  isAttention(error.reason) ? error.reason : (ATTENTION_FOR[error.code] ?? "internal");
