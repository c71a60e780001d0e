import type { Evidence, Violation } from "./evidence.ts";
import { aWorkingKey, applicationsAnswered, calledOnce, graceIsKept, onlyOurs } from "./keys.ts";
import { lookAt } from "./look.ts";
import { onRecord } from "./on-record.ts";
import { acceptedIsKept, endedAsAccepted, oneAtATime } from "./values.ts";

const CHECKS = [
  aWorkingKey,
  applicationsAnswered,
  graceIsKept,
  onlyOurs,
  calledOnce,
  acceptedIsKept,
  oneAtATime,
  endedAsAccepted,
  onRecord,
] as const;

/** Everything in the evidence that breaks a promise, oldest first. Pure; imports nothing of the program. */
export function violationsIn(evidence: Evidence): Violation[] {
  const look = lookAt(evidence);
  return CHECKS.flatMap((check) => check(look)).toSorted((a, b) => a.at - b.at);
}
