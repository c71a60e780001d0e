import { knowsUpTo } from "./behind.ts";
import type { Instant, Rotation } from "./record.ts";
import { markFingerprint } from "./secret.ts";

/** A phase about to start, or its result; the earliest of several destinations counts (R16). */
export const PHASES = [
  "claim",
  "stage",
  "promote",
  "promoted",
  "deactivate",
  "deactivated",
  "archive",
  "reinstate",
  "roll_back",
  "revoke",
  "done",
] as const;
export type Phase = (typeof PHASES)[number];

/** What the marks of one destination say. A hint where to look, never an authority (P5, R2). */
export interface MarkFacts {
  /** 1: `rev` is the record's revision. 2: it is the revision up to which the record was on record. */
  version: number | null;
  install: string | null;
  rotation: string | null;
  revision: number | null;
  phase: Phase | null;
  outgoingKeyId: string | null;
  replacementKeyId: string | null;
  /** 16 hex digits of the fingerprint of the value we last saw or wrote there. */
  fingerprint: string | null;
  at: Instant | null;
  /** Set while somebody holds the target or key: `1`, or the subject. */
  hold: string | null;
}

const VERSION = "2";
const SAFE = /^[A-Za-z0-9_.:-]{1,200}$/;
const fit = (value: string | null): string | null => (value !== null && SAFE.test(value) ? value : null);

/**
 * The entries for a phase of an open rotation; the values fit the strictest manager, and with a hold they are the ten
 * that it takes (R16). `null` removes an entry: `base`, the version before us, was written once and read by nobody.
 */
export function marksFor(
  r: Rotation,
  phase: Phase,
  currentFingerprint: string | null,
  at: Instant,
): Record<string, string | null> {
  return {
    v: VERSION,
    install: fit(r.install),
    rotation: fit(r.id),
    rev: String(knowsUpTo(r)),
    phase,
    outgoing: fit(r.outgoing.id),
    replacement: fit(r.replacement?.id ?? null),
    fp: currentFingerprint === null ? null : markFingerprint(currentFingerprint),
    base: null,
    t: String(at),
  };
}

/** What stays after the end: enough to recognise the value at the next scan (R11, R16). */
export function marksAfterEnd(
  install: string,
  currentKeyId: string | null,
  currentFingerprint: string | null,
): Record<string, string | null> {
  return {
    v: VERSION,
    install: fit(install),
    replacement: fit(currentKeyId),
    fp: currentFingerprint === null ? null : markFingerprint(currentFingerprint),
    rotation: null,
    rev: null,
    phase: null,
    outgoing: null,
    base: null,
    t: null,
  };
}

/** A forged one must not use numbers up: a rebuild goes on above it. */
const MOST_REVISION = 1e12;
const upTo = (most: number, value: number | null): number | null => (value !== null && value <= most ? value : null);

/** Reads marks tolerantly: whatever does not look like ours is null, and nothing is believed without a second source. */
export function readMarkFacts(marks: Record<string, string>): MarkFacts {
  const text = (name: string) => fit(marks[name] ?? null);
  const number = (name: string) => {
    const written = marks[name] ?? "";
    // Only what we write ourselves: `Number` would read an empty text as 0, which is 1970 for a time.
    return /^\d+$/.test(written) && Number.isSafeInteger(Number(written)) ? Number(written) : null;
  };
  const phase = PHASES.find((p) => p === marks["phase"]) ?? null;
  return {
    version: number("v"),
    install: text("install"),
    rotation: text("rotation"),
    revision: upTo(MOST_REVISION, number("rev")),
    phase,
    outgoingKeyId: text("outgoing"),
    replacementKeyId: text("replacement"),
    fingerprint: text("fp"),
    at: number("t"),
    hold: text("hold"),
  };
}
