import type { Violation } from "./evidence.ts";
import type { Look } from "./look.ts";

/** What is written before which call (docs/audit.md). */
const BEFORE: Record<string, readonly string[]> = {
  inactive: ["deactivate.intended", "revoke.intended", "roll_back.intended"],
  archived: ["archive.intended"],
};

/** P11: every destructive call is on record before it was made. */
export function onRecord(look: Look): Violation[] {
  return look.ourChanges.flatMap(({ key, at, status }) => {
    const actions = BEFORE[status];
    if (actions === undefined) return [];
    const found = look.audit.some((line) => line.at <= at && line.keyId === key && actions.includes(line.action));
    return found ? [] : [{ promise: "P11", at, what: `${key} was set ${status}, and nothing before says so` }];
  });
}
