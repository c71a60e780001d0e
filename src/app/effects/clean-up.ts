import { marksAfterEnd } from "../../rotation/marks.ts";
import type { Rotation } from "../../rotation/record.ts";
import { isWatched } from "../../rotation/transition.ts";
import { commitAmend } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { marksOf } from "../marking.ts";

/** A write that we stopped waiting for takes effect within seconds, if it does (`takeBack`). */
const FIRST_LOOK_MS = 15_000;

/**
 * After the end: this rotation's pending and previous values are destroyed, and its marks reduced to what recognises the
 * current value at the next scan (R16, R19). Marks that meanwhile name another rotation are left alone.
 */
export async function cleanUp(deps: Deps, record: Rotation): Promise<Rotation> {
  for (const dest of record.plan.destinations) {
    const store = await storeOf(deps, dest);
    await store.discardPending(dest, record.id);
    await store.discardPrevious(dest, record.id);
    const marks = await marksOf(deps, dest);
    if (marks.rotation !== null && marks.rotation !== record.id) continue;
    const current = await store.read(dest);
    const fingerprint = current?.value.fingerprint ?? null;
    current?.value.wipe();
    const keyId =
      fingerprint === null
        ? null
        : fingerprint === record.replacement?.fingerprint
          ? record.replacement.id
          : fingerprint === record.outgoing.fingerprint
            ? record.outgoing.id
            : null;
    // What a later rotation left to recognise its value by stays (R11).
    if (marks.rotation === null && keyId === null) continue;
    await store.mark(dest, marksAfterEnd(record.install, keyId, keyId === null ? null : fingerprint));
  }
  if (record.state === "completed" && record.replacement?.fingerprint != null && record.target !== null) {
    await deps.scanLog.rememberFingerprint(record.replacement.fingerprint, record.target);
  }
  const watched = isWatched(record, deps.clock.now());
  return commitAmend(
    deps,
    record,
    { cleanedUp: true, wakeAt: watched ? deps.clock.now() + FIRST_LOOK_MS : null, retry: null, attention: null },
    null,
  );
}
