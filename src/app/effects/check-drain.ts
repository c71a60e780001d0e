import { HABIT_MS, isUseUnchecked, judgeDrain } from "../../rotation/drain.ts";
import type { Rotation } from "../../rotation/record.ts";
import { attend, settle } from "../settle.ts";
import type { Deps } from "../deps.ts";
import { finish } from "./finish.ts";

const BLIND_SPOT = "Rejected calls, token counting and model lists leave no trace.";

/** Reads the usage of both keys and judges whether the outgoing one is out of use (R13). Reads only. */
export async function checkDrain(deps: Deps, record: Rotation): Promise<Rotation> {
  if (isUseUnchecked(record)) return finish(deps, record, "drained", {}, { usageChecked: false });
  const now = deps.clock.now();
  const since = record.propagatedAt ?? record.enteredAt;
  const replacement = record.replacement;
  const [before, outgoing, ours] = await Promise.all([
    deps.admin.usage(record.outgoing.id, since - HABIT_MS, since, "day"),
    deps.admin.usage(record.outgoing.id, since, now, "minute"),
    replacement === null ? null : deps.admin.usage(replacement.id, Math.min(since, record.createdAt), now, "minute"),
  ]);
  // Requests where the source counts them, else tokens: anything beyond our own verification calls is the application's.
  const replacementUsed =
    ours !== null &&
    (ours.requests !== null ? ours.requests > record.ownUse.requests : ours.tokens > record.ownUse.tokens);
  const verdict = judgeDrain({
    now,
    propagatedAt: since,
    quietForMs: record.plan.drain.quietForMs,
    daysBefore: before.days,
    outgoing,
    replacementUsed,
  });
  if (verdict.drained) {
    return finish(
      deps,
      record,
      "drained",
      {},
      { window: verdict.window, source: outgoing.source, daysBefore: before.days.length, replacementUsed },
    );
  }
  const late = record.drainLimitAt !== null && now >= record.drainLimitAt;
  if (!late) return settle(deps, record, Math.min(verdict.lookAgainAt, record.drainLimitAt ?? verdict.lookAgainAt));
  const lastUse =
    outgoing.lastUsedAt === null ? "none since the replacement went live" : new Date(outgoing.lastUsedAt).toISOString();
  const code = verdict.why === "not_quiet_long_enough" ? "usage_unknown" : verdict.why;
  return attend(
    deps,
    record,
    code,
    `Key ${record.outgoing.name} (${record.outgoing.hint ?? record.outgoing.id}), last use: ${lastUse}. ${BLIND_SPOT}`,
  );
}
