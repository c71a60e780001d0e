import { KeyturnError } from "../../rotation/errors.ts";
import { lackOfTime } from "../../rotation/promises.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import { attend, settle } from "../settle.ts";
import { commitAmend, commitIntent } from "../commit.ts";
import type { Deps } from "../deps.ts";
import { markAll } from "../marking.ts";
import { callOnce, payForCall } from "./call-once.ts";
import { isDoubt, proveDestinations } from "./evidence.ts";
import { finish } from "./finish.ts";

/**
 * Sets the outgoing key archived, for good. Only when the grace period is over by every clock (R24), the key is still
 * inactive, no hold is set, and P1 holds at this moment (P4, R8).
 */
export async function archive(deps: Deps, record: Rotation): Promise<Rotation> {
  const early = lackOfTime(record.graceEndsAt ?? Number.POSITIVE_INFINITY, await readClocks(deps, record));
  if (early === "not yet") return settle(deps, record, deps.clock.now() + 1000);
  if (early !== null) return attend(deps, record, early.code, early.about);
  let evidence: Record<string, unknown> = { graceEndsAt: record.graceEndsAt };
  if (record.target !== null) {
    const proof = await proveDestinations(deps, record, "any");
    if (isDoubt(proof)) {
      return proof.code === "verification_inconclusive"
        ? attend(deps, record, proof.code, proof.about)
        : backToGrace(deps, record, proof.code, proof.about);
    }
    evidence = { ...evidence, proof };
  }
  await payForCall(deps);
  const intended = await commitIntent(deps, record, "archive", { keyId: record.outgoing.id, ...evidence });
  await markAll(deps, intended, "archive");
  // From here on a hold or a decision comes too late, and is told so (R9).
  const sent = await commitAmend(
    deps,
    intended,
    { intent: { effect: "archive", at: deps.clock.now(), sent: true }, wakeAt: deps.clock.now() + 30_000 },
    { action: "archive.sent", actor: "keyturn", via: "worker" },
  );
  await deps.audit.sync();
  const status = await callOnce(deps, sent, { keyId: record.outgoing.id, from: "inactive", to: "archived" }).catch(
    (error: unknown) => notSent(deps, sent, error),
  );
  if (typeof status !== "string") return status;
  if (status === "active") return finish(deps, sent, "outgoing_active", {}, { status });
  if (status === "inactive" || status.startsWith("unknown:"))
    return attend(deps, sent, "internal", `The key's status is ${status}.`);
  return finish(deps, sent, "outgoing_gone", {}, { keyId: record.outgoing.id, status });
}

/**
 * A hold, an older configuration or stale state found by the last look: the call was not sent, so decisions are not too
 * late (R9). The copy kept for rolling back is not needed after the end, and is destroyed there: a hold spares it (R17).
 */
async function notSent(deps: Deps, sent: Rotation, error: unknown): Promise<Rotation> {
  if (!(error instanceof KeyturnError) || (error.code !== "HELD" && error.code !== "WRONG_STATE")) throw error;
  if (error.code === "HELD") return finish(deps, sent, "held");
  await commitAmend(
    deps,
    sent,
    { intent: null },
    { action: "archive.not_sent", actor: "keyturn", via: "worker", evidence: { reason: error.reason } },
  );
  throw error;
}

async function backToGrace(
  deps: Deps,
  record: Rotation,
  code: Parameters<typeof attend>[2],
  about: string,
): Promise<Rotation> {
  const back = await finish(deps, record, "p1_lost", {}, { code, about });
  return attend(deps, back, code, about);
}

/** Ours, Redis's and the Admin API's clock, as read within this call. */
async function readClocks(deps: Deps, record: Rotation): Promise<Record<string, Instant | null>> {
  const [redis, answer] = await Promise.all([deps.rotations.serverTime(), deps.admin.getKey(record.outgoing.id)]);
  // A Date header counts whole seconds: the answer was made at most 999 ms after it.
  const api = answer.serverTime === null ? null : answer.serverTime + 999;
  return { "this machine": deps.clock.now(), Redis: redis, "Admin API": api };
}
