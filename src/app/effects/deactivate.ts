import { isOutrun } from "../../rotation/behind.ts";
import type { Phase } from "../../rotation/marks.ts";
import type { Rotation } from "../../rotation/record.ts";
import { isPromoted } from "../../rotation/transition.ts";
import { attend } from "../settle.ts";
import { commitIntent } from "../commit.ts";
import type { Deps } from "../deps.ts";
import { inTime } from "../in-time.ts";
import { markAll } from "../marking.ts";
import { marksInTime } from "../marks-seen.ts";
import { callOnce, payForCall } from "./call-once.ts";
import { isDoubt, proveDestinations } from "./evidence.ts";
import { finish } from "./finish.ts";

/** Sets the outgoing key inactive, when P1 holds at this moment. A compromised key goes without P1: that is what `revoke` is. */
export async function deactivate(deps: Deps, record: Rotation): Promise<Rotation> {
  if (record.reason === "compromised") return revokeOutgoing(deps, record);
  const proof = await proveDestinations(deps, record, "replacement");
  if (isDoubt(proof)) {
    return proof.code === "verification_inconclusive"
      ? attend(deps, record, proof.code, proof.about)
      : loseP1(deps, record, proof.code, proof.about);
  }
  const ownUse = { requests: record.ownUse.requests + proof.requests, tokens: record.ownUse.tokens + proof.tokens };
  return call(deps, record, "deactivate", { ownUse }, { proof });
}

/** Back to draining with the reason: both keys work there, and nothing destructive follows by itself. */
async function loseP1(
  deps: Deps,
  record: Rotation,
  code: Parameters<typeof attend>[2],
  about: string,
): Promise<Rotation> {
  const back = await finish(deps, record, "p1_lost", {}, { code, about });
  return attend(deps, back, code, about);
}

/** Sets a compromised key inactive, now. Repeating it is harmless. */
export function revokeOutgoing(deps: Deps, record: Rotation): Promise<Rotation> {
  return call(deps, record, "revoke", {}, {});
}

async function call(
  deps: Deps,
  record: Rotation,
  effect: "deactivate" | "revoke",
  patch: Partial<Rotation>,
  evidence: Record<string, unknown>,
): Promise<Rotation> {
  await payForCall(deps);
  const intended = await commitIntent(deps, record, effect, { keyId: record.outgoing.id, ...evidence }, patch);
  await mark(deps, intended, effect);
  const status = await callOnce(deps, intended, { keyId: record.outgoing.id, from: "active", to: "inactive" });
  const gone = status === "archived" || status === "expired" || status === "missing";
  if (status !== "inactive" && !gone) return attend(deps, intended, "internal", `The key's status is ${status}.`);
  const after = await finish(
    deps,
    intended,
    gone ? "outgoing_gone" : "outgoing_inactive",
    {},
    { keyId: record.outgoing.id, status },
  );
  // Where nothing is promoted yet, its marks must not name a replacement as one in use (R16).
  await mark(deps, after, isPromoted(after) ? "deactivated" : "revoke");
  return after;
}

/** An emergency waits for no secrets manager; and it does not write over marks that know more than its record (R4, R16). */
async function mark(deps: Deps, r: Rotation, phase: Phase): Promise<void> {
  if (r.reason !== "compromised") return markAll(deps, r, phase);
  if (!isOutrun(r, await marksInTime(deps, r))) await inTime(markAll(deps, r, phase));
}
