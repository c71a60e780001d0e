import type { ProblemCode } from "../../rotation/codes.ts";
import { type ErrorCode, asKeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import { type MarkFacts, readMarkFacts } from "../../rotation/marks.ts";
import type { Destination } from "../../rotation/record.ts";
import type { SecretText } from "../../rotation/secret.ts";
import { type Deps, storeOf } from "../deps.ts";
import type { ResolvedTarget } from "../plans.ts";

/** One destination as it was just read; the value itself is kept only while a scan needs to call with it. */
export interface ReadDestination {
  dest: Destination;
  value: SecretText;
  fingerprint: string;
  hint: string;
  marks: MarkFacts;
}
export interface ReadTarget {
  target: ResolvedTarget;
  /** Those that hold a value. */
  destinations: ReadDestination[];
  /** The marks of every destination that answered, also where there is no value. */
  marks: { dest: Destination; facts: MarkFacts }[];
  problem: { code: ProblemCode; message: string } | null;
}

const AT_ONCE = 8;

/** Reads every destination of the targets, a few at a time. A target whose store fails gets a problem; the others go on. */
export async function readTargets(deps: Deps, targets: readonly ResolvedTarget[]): Promise<ReadTarget[]> {
  const found: ReadTarget[] = [];
  let next = 0;
  const reader = async () => {
    for (let i = next++; i < targets.length; i = next++)
      found[i] = await readTarget(deps, targets[i] as ResolvedTarget);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, targets.length) }, reader));
  return found;
}

export async function readTarget(deps: Deps, target: ResolvedTarget): Promise<ReadTarget> {
  const destinations: ReadDestination[] = [];
  const marks: ReadTarget["marks"] = [];
  let problem: ReadTarget["problem"] = null;
  for (const dest of target.destinations) {
    const where = describeDestination(dest);
    try {
      const store = await storeOf(deps, dest);
      const facts = readMarkFacts(await store.readMarks(dest));
      marks.push({ dest, facts });
      const found = await store.read(dest);
      if (found === null)
        problem ??= { code: "destination_missing", message: `${where} does not exist or its field is empty` };
      else
        destinations.push({
          dest,
          value: found.value,
          fingerprint: found.value.fingerprint,
          hint: found.value.hint,
          marks: facts,
        });
    } catch (error) {
      const { code, message } = asKeyturnError(error);
      problem ??= { code: PROBLEM_OF[code] ?? "store_unavailable", message: `${where}: ${message}` };
    }
  }
  return { target, destinations, marks, problem };
}

const PROBLEM_OF: Partial<Record<ErrorCode, ProblemCode>> = {
  STORE_MISSING: "destination_missing",
  STORE_DENIED: "store_denied",
  OTHER_HOST: "other_host",
};

export function wipeAll(read: readonly ReadTarget[]): void {
  for (const { destinations } of read) for (const d of destinations) d.value.wipe();
}
