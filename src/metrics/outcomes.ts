import type { AuditDraft } from "../ports/audit.ts";
import type { KeyVerifier, LiveAnswer } from "../ports/key-admin.ts";
import type { Commit, RotationStore } from "../ports/rotations.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { isFinal } from "../rotation/states.ts";
import type { Counters } from "./counters.ts";

/*
 * What came of things, counted where it is put on record: what is not saved is not counted.
 */

/** Actions of the audit log that are a person's decision. */
const DECISIONS: Readonly<Record<string, string>> = {
  "approval.granted": "approved",
  "rotation.approved": "approved",
  "rotation.rejected": "rejected",
  "rotation.snoozed": "snoozed",
  "rotation.cancelled": "cancelled",
  "rotation.revoke": "revoked",
  "rotation.reinstate": "reinstated",
  "rotation.proceed": "proceeded",
  "rotation.retry": "retried",
  "decision.refused": "refused",
  "click.refused": "refused",
};

/** Records as they are, and what their commits say about decisions, keys handed over, states and ends. */
export function countedRotations(inner: RotationStore, counters: Counters): RotationStore {
  return {
    load: (id) => inner.load(id),
    commit: async (commit) => {
      await inner.commit(commit);
      noteDrafts(commit.audit, counters);
      noteMove(commit, counters);
    },
    openIds: () => inner.openIds(),
    all: () => inner.all(),
    idsStartingWith: (prefix) => inner.idsStartingWith(prefix),
    holderOf: (lock) => inner.holderOf(lock),
    aftermathOf: (target) => inner.aftermathOf(target),
    due: (until, limit) => inner.due(until, limit),
    serverTime: () => inner.serverTime(),
  };
}

/** Entries that are on record now. Never throws. */
export function noteDrafts(drafts: readonly AuditDraft[], { decisions, intake }: Counters): void {
  for (const { action, via, evidence } of drafts) {
    const decision = DECISIONS[action];
    // One entry may stand for many refused clicks of a minute.
    const more = evidence["moreSinceLast"];
    if (decision !== undefined) decisions.add({ decision, via }, 1 + (typeof more === "number" ? more : 0));
    if (action === "rotation.staged") intake.add({ outcome: "accepted", via });
    if (action === "intake.refused") intake.add({ outcome: text(evidence["reason"]), via });
  }
}

function noteMove({ record, left }: Commit, counters: Counters): void {
  if (left === undefined) return;
  const { completed, rotationSeconds, stateSeconds } = counters;
  stateSeconds.observe({ state: left.state }, (record.enteredAt - left.since) / 1000);
  if (!isFinal(record.state)) return;
  completed.add({ outcome: record.state, reason: record.reason });
  rotationSeconds.observe({ outcome: record.state }, ((record.endedAt ?? record.enteredAt) - record.createdAt) / 1000);
}

/** Reasons are codes of a closed list. */
const text = (value: unknown): string => (typeof value === "string" ? value.toLowerCase() : "other");

/** Live calls by what they proved; doubt is `inconclusive`, and a call that was not made is its error's code. */
export function countedVerifier(inner: KeyVerifier, { verifications }: Pick<Counters, "verifications">): KeyVerifier {
  const counting = async (call: string, work: Promise<LiveAnswer>): Promise<LiveAnswer> => {
    try {
      const answer = await work;
      verifications.add({ call, outcome: answer.verdict });
      return answer;
    } catch (error) {
      verifications.add({ call, outcome: asKeyturnError(error).code.toLowerCase() });
      throw error;
    }
  };
  return {
    authenticate: (key, options) => counting("authenticate", inner.authenticate(key, options)),
    infer: (key, options) => counting("infer", inner.infer(key, options)),
  };
}
