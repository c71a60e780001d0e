import { describeDestination } from "../../rotation/locks.ts";
import type { Rotation } from "../../rotation/record.ts";
import { isPromoted } from "../../rotation/transition.ts";
import { attend, settle } from "../settle.ts";
import { commitIntent } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { markAll } from "../marking.ts";
import { writeLease } from "../write-lease.ts";
import { destinationsSeen } from "../destinations-seen.ts";
import { callOnce, payForCall } from "./call-once.ts";
import { finish } from "./finish.ts";

/**
 * Puts the old value back where the replacement still stands, and destroys what is pending. A destination that others
 * changed is left and named. The replacement key itself is touched only when it was revoked (R4, R14).
 */
export async function rollBack(deps: Deps, record: Rotation): Promise<Rotation> {
  const promoted = isPromoted(record) || (await destinationsSeen(deps, record)).some((d) => d.holds === "replacement");
  if (promoted) {
    const answer = await outgoingAnswers(deps, record);
    if (answer !== null) return attend(deps, record, "nothing_to_roll_back_to", answer);
  }
  if (record.revokeReplacement) await payForCall(deps);
  const revoked = record.revokeReplacement ? { keyId: record.replacement?.id ?? null } : {};
  const intended = await commitIntent(deps, record, "roll_back", { promoted, cause: record.rollbackCause, ...revoked });
  const left: string[] = [];
  const progress = [...intended.progress];
  if (promoted) await markAll(deps, intended, "roll_back");
  for (const [i, dest] of intended.plan.destinations.entries()) {
    const store = await storeOf(deps, dest);
    const before = progress[i];
    const { replacement, outgoing } = record;
    // A worker that is just promoting has finished before anything is decided here (R10).
    const lease = replacement === null ? null : await writeLease(deps, dest);
    try {
      if (
        promoted &&
        before !== undefined &&
        replacement !== null &&
        replacement.fingerprint !== null &&
        outgoing.fingerprint !== null
      ) {
        const outcome = await store.rollBack(dest, record.id, replacement.fingerprint, outgoing.fingerprint);
        if (outcome === "rolled_back") progress[i] = { ...before, rolledBackAt: deps.clock.now() };
        if (outcome === "nothing_to_restore")
          return await attend(
            deps,
            { ...intended, progress },
            "nothing_to_roll_back_to",
            `${describeDestination(dest)} has no old value.`,
          );
        if (outcome === "changed_by_others") left.push(describeDestination(dest));
      }
      // A revoked key must not wait anywhere; otherwise what the operator staged by hand goes as well.
      await store.discardPending(dest, record.id, { operators: replacement !== null });
    } finally {
      await lease?.release().catch(() => undefined);
    }
  }
  // Promoted by another worker while we were at it: from the start, with everything that asks for.
  if (!promoted && (await destinationsSeen(deps, record)).some((d) => d.holds === "replacement"))
    return settle(deps, intended, deps.clock.now(), { intent: null });
  if (record.revokeReplacement && record.replacement !== null) {
    await callOnce(deps, intended, { keyId: record.replacement.id, from: "active", to: "inactive" });
  }
  return finish(
    deps,
    intended,
    "done",
    { progress, notBefore: null },
    { leftAsFound: left, leftoverKey: record.replacement?.id ?? null },
  );
}

/** Rolling back needs an old key that works; null when it does, else the reason. A free call, so that no use is made of it. */
async function outgoingAnswers(deps: Deps, record: Rotation): Promise<string | null> {
  for (const dest of record.plan.destinations) {
    const store = await storeOf(deps, dest);
    const current = await store.read(dest);
    if (current === null) continue;
    const isOutgoing = current.value.fingerprint === record.outgoing.fingerprint;
    const answer = isOutgoing
      ? await deps.verifier.authenticate(current.value, {
          workspaceId: record.outgoing.scope === "organization" ? record.outgoing.workspaceId : null,
        })
      : null;
    current.value.wipe();
    if (answer?.verdict === "rejected") return "The outgoing key is rejected by the API.";
    if (answer !== null) return null;
  }
  // No destination holds it any more: its status, which decide has just seen to be active, is all there is to ask.
  return null;
}
