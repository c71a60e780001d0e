import { isOutrun } from "./behind.ts";
import type { AttentionCode } from "./codes.ts";
import type { KeySeen, MarksSeen } from "./observation.ts";
import type { Instant, Rotation } from "./record.ts";

/** Why a destructive step must not happen now, for the attention it raises. */
export interface Doubt {
  code: AttentionCode;
  about: string;
}

/** How old the live call may be when the outgoing key is deactivated (P1, R8). */
export const PROOF_FRESH_MS = 5 * 60_000;
/** How far two clocks may lie apart (R24). */
export const CLOCKS_MAY_DIFFER_MS = 5 * 60_000;
/** A check is worth nothing when the call comes later than this (R9). */
export const CALL_WITHIN_MS = 10_000;

/** What was read back just now, for P1. */
export interface P1Facts {
  /** Configured destinations of any target, outside this rotation, that still hold the outgoing key. */
  elsewhere: readonly string[];
  /** The rotation's destinations, read back as applications read them; null: empty or missing. */
  destinations: readonly { where: string; fingerprint: string | null }[];
}

/**
 * P1's conditions on what is stored: nowhere the outgoing key, and everywhere in this rotation one other key.
 * @param expect `replacement`: it must be the rotation's own; `any`: by now a third key may have taken its place (P4)
 * @returns null when they hold
 */
export function lackOfP1(
  r: Pick<Rotation, "outgoing" | "replacement">,
  facts: P1Facts,
  expect: "replacement" | "any",
): Doubt | null {
  if (facts.elsewhere.length > 0)
    return { code: "outgoing_in_use_elsewhere", about: `It is in ${facts.elsewhere.join(", ")}.` };
  const [first] = facts.destinations;
  if (first === undefined) return { code: "destination_changed", about: "The rotation has no destination." };
  for (const { where, fingerprint } of facts.destinations) {
    if (fingerprint === null) return { code: "destination_changed", about: `${where} is empty.` };
    if (fingerprint === r.outgoing.fingerprint)
      return { code: "destination_changed", about: `${where} holds the outgoing key.` };
    if (expect === "replacement" && fingerprint !== r.replacement?.fingerprint)
      return { code: "destination_changed", about: `${where} holds another value.` };
    if (fingerprint !== first.fingerprint)
      return { code: "destination_changed", about: `${where} holds another value than ${first.where}.` };
  }
  return null;
}

/** P1's condition on the value: 200 on the models list and 200 on one message, within the last five minutes (R8). */
export function lackOfProof(
  proof: { at: Instant; answer: "ok" | "doubt" | "bad"; cause: string },
  now: Instant,
): Doubt | null {
  if (proof.answer === "doubt")
    return { code: "verification_inconclusive", about: `The live call ended with: ${proof.cause}.` };
  if (proof.answer === "bad")
    return { code: "replacement_unproven", about: `The live call was answered with ${proof.cause}.` };
  return now - proof.at > PROOF_FRESH_MS
    ? { code: "verification_inconclusive", about: "The live call is older than five minutes." }
    : null;
}

/** A clock that could not be asked, or whose answer is no time, proves nothing. */
const tells = (t: Instant | null): t is Instant => t !== null && Number.isFinite(t);

/** Elapsed by every clock we could ask, and none far from another (P4, R24). `null` clocks could not be asked. */
export function lackOfTime(graceEndsAt: Instant, clocks: Record<string, Instant | null>): Doubt | "not yet" | null {
  const known = Object.values(clocks).filter(tells);
  if (known.length === 0) return "not yet";
  if (Math.max(...known) - Math.min(...known) > CLOCKS_MAY_DIFFER_MS) {
    const shown = Object.entries(clocks).map(
      ([name, t]) => `${name}: ${tells(t) ? new Date(t).toISOString() : "unknown"}`,
    );
    return { code: "clock", about: `${shown.join(", ")}.` };
  }
  return Math.min(...known) < graceEndsAt ? "not yet" : null;
}

/** What is read again right before a destructive call (R9). */
export interface LastLook {
  /** The record's revision in Redis; null when it is gone. */
  revision: number | null;
  holds: readonly string[];
  newestConfiguration: boolean;
  marks: MarksSeen;
  status: KeySeen;
}

/**
 * Whether the call may be sent: only on the key of this record, at this revision, unheld, with the status we expect
 * (P5, R9, R15, R17). `already`: there is nothing to send.
 */
export function lastLook(
  intended: Pick<Rotation, "revision" | "onRecord" | "settledKey">,
  seen: LastLook,
  expected: KeySeen,
  wanted: "inactive" | "archived",
): "send" | "already" | "conflict" | "held" | "older_configuration" | "state_behind" | "other_status" {
  if (seen.revision !== intended.revision) return "conflict";
  // Before the hold: who is sent back for that goes on where it was, and a key that others changed is elsewhere (P4).
  if (seen.status !== wanted && seen.status !== expected) return "other_status";
  if (seen.holds.length > 0) return "held";
  if (!seen.newestConfiguration) return "older_configuration";
  if (isOutrun(intended, seen.marks)) return "state_behind";
  return seen.status === wanted ? "already" : "send";
}
