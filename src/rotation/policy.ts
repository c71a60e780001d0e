import type { NotDue, Reason } from "./codes.ts";
import type { Instant } from "./record.ts";

const DAY = 86_400_000;
/** Expiry is handled this long before it happens, or at half of a shorter life: drain and a reserve fit in (R8). */
export const EXPIRY_NOTICE_MS = 14 * DAY;

/** What the policy knows of one target's key. */
export interface Candidate {
  now: Instant;
  createdAt: Instant;
  expiresAt: Instant | null;
  active: boolean;
  maxAgeMs: number;
  openRotationId: string | null;
  notBefore: Instant | null;
  /** The last rotation was rolled back: only a person proposes another (R20). */
  rolledBack: boolean;
  failures: number;
  /** Waiting rotations and the configured limit. */
  waiting: number;
  maxOpenRotations: number;
}

export type Due = { due: true; reason: Reason; message: string } | { due: false; reason: NotDue; message: string };
type Check = (c: Candidate) => Due | null;

const days = (ms: number): string => (ms < DAY ? `${Math.round(ms / 1000)} s` : `${Math.floor(ms / DAY)} days`);
/** A creation time in the future counts as now (R24). */
export const ageMs = (c: { now: Instant; createdAt: Instant }): number => Math.max(0, c.now - c.createdAt);
export const ageDays = (c: { now: Instant; createdAt: Instant }): number => Math.floor(ageMs(c) / DAY);

const alreadyOpen: Check = (c) =>
  c.openRotationId === null
    ? null
    : { due: false, reason: "rotation_open", message: `rotation ${c.openRotationId} is open` };

const deactivatedElsewhere: Check = (c) =>
  c.active
    ? null
    : {
        due: true,
        reason: "deactivated_elsewhere",
        message: "the key in use is not active; it was deactivated outside Keyturn",
      };

const wanted = (c: Candidate): Due | null => {
  const age = ageMs(c);
  if (c.expiresAt !== null && c.expiresAt - c.now <= Math.min(EXPIRY_NOTICE_MS, (c.expiresAt - c.createdAt) / 2))
    return { due: true, reason: "expires_soon", message: `expires ${new Date(c.expiresAt).toISOString()}` };
  return age >= c.maxAgeMs
    ? { due: true, reason: "age", message: `${days(age)} old; the limit is ${days(c.maxAgeMs)}` }
    : null;
};

/** Whether the policy wants the key replaced, whatever stands against opening a rotation now. Pure. */
export const wantedAtAll = (c: Candidate): Due | null => deactivatedElsewhere(c) ?? wanted(c);

const tooYoung: Check = (c) =>
  wanted(c) === null
    ? { due: false, reason: "not_due", message: `${days(ageMs(c))} old; the limit is ${days(c.maxAgeMs)}` }
    : null;

const gaveUp: Check = (c) =>
  c.failures < 3
    ? null
    : {
        due: false,
        reason: "problem",
        message: "three rotations in a row ended without completing; open one with `keyturn rotate`",
      };

const wasRolledBack: Check = (c) =>
  c.rolledBack
    ? {
        due: false,
        reason: "not_before",
        message: "the last rotation was rolled back; open another with `keyturn rotate`",
      }
    : null;

const tooSoon: Check = (c) =>
  c.notBefore === null || c.notBefore <= c.now
    ? null
    : { due: false, reason: "not_before", message: `not proposed again before ${new Date(c.notBefore).toISOString()}` };

const tooMany: Check = (c) =>
  c.waiting < c.maxOpenRotations
    ? null
    : {
        due: false,
        reason: "limit_reached",
        message: `${c.waiting} rotations already wait for a person (policy.maxOpenRotations)`,
      };

/** Asked in order; the first check with an answer wins. Read this line to know when a rotation is opened. */
export const ROTATION_POLICY: readonly Check[] = [
  alreadyOpen,
  deactivatedElsewhere,
  tooYoung,
  gaveUp,
  wasRolledBack,
  tooSoon,
  tooMany,
  wanted,
];

/** Whether a key is due, and why or why not. Pure. */
export function judge(candidate: Candidate): Due {
  for (const check of ROTATION_POLICY) {
    const answer = check(candidate);
    if (answer !== null) return answer;
  }
  return { due: false, reason: "not_due", message: "no reason to rotate" };
}
