import type { Actor } from "../../ports/settings.ts";
import { type Reason, isUrgent } from "../../rotation/codes.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import type { Deps } from "../deps.ts";
import { type HabitReader, habitReader } from "../habit.ts";
import { type OutgoingKey, openRotation } from "../open.ts";
import type { Group } from "./judge-targets.ts";
import { prepare } from "./prepare.ts";
import type { Problem } from "./report.ts";

export const SCANNER: Actor = { name: "keyturn", via: "scan" };

/** Due groups in the order of opening, urgent ones and old keys first; those beyond the limit are told so and left out. */
export function chooseDue(groups: readonly Group[]): Group[] {
  const due = groups.filter((g) => g.verdict.due);
  const urgent = (g: Group): boolean => isUrgent(g.verdict.reason as Reason);
  const ordered = due.toSorted((a, b) => Number(urgent(b)) - Number(urgent(a)) || a.key.createdAt - b.key.createdAt);
  let waiting = groups[0]?.candidate.waiting ?? 0;
  return ordered.filter((g) => {
    if (urgent(g)) return true;
    if (waiting >= g.candidate.maxOpenRotations) {
      for (const r of g.reports)
        Object.assign(r, {
          due: false,
          reason: "limit_reached",
          message: `${r.message}; ${waiting} rotations already wait for a person (policy.maxOpenRotations)`,
        });
      return false;
    }
    waiting += 1;
    return true;
  });
}

/**
 * Opens one rotation for each key that is due, over all targets that hold it (R1). What is not ready becomes a problem and
 * opens nothing (R12). @param stillOurs throws when another scan took over
 * @returns the ids of those opened
 */
export async function openDue(
  deps: Deps,
  groups: readonly Group[],
  problems: Problem[],
  stillOurs: () => void,
): Promise<string[]> {
  const opened: string[] = [];
  const habitOf = habitReader(deps);
  for (const group of groups) {
    stillOurs();
    const reason = group.verdict.reason as Reason;
    const found: Problem[] = [];
    const ready = await prepare(deps, group.key, group.targets, reason, found);
    problems.push(...found);
    if (ready === null) {
      for (const r of group.reports)
        Object.assign(r, { due: false, reason: "problem", message: found[0]?.message ?? r.message });
      continue;
    }
    const id = await openOne(deps, group, { outgoing: ready, reason, habitOf });
    if (id !== null) opened.push(id);
  }
  return opened;
}

async function openOne(
  deps: Deps,
  group: Group,
  ready: { outgoing: OutgoingKey; reason: Reason; habitOf: HabitReader },
): Promise<string | null> {
  try {
    const targets = group.targets.map((t) => t.target.name).toSorted();
    const { message } = group.verdict;
    return (await openRotation(deps, { ...ready, targets, start: "awaiting_approval", actor: SCANNER, message })).id;
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code !== "LOCK_HELD") throw error;
    // Somebody else was faster: it is still due, and about to be seen to.
    for (const r of group.reports) Object.assign(r, { message: `${r.message}; ${error.message}` });
    return null;
  }
}
