import type { AuditLine, Violation } from "./evidence.ts";
import type { Look } from "./look.ts";

/** What is written before which call (docs/audit.md). */
const BEFORE: Record<string, readonly string[]> = {
  inactive: ["deactivate.intended", "revoke.intended", "roll_back.intended"],
  archived: ["archive.intended", "archive.sent"],
};

/** P11: every destructive call is on record before it was made. */
export function onRecord(look: Look): Violation[] {
  const targetOf = new Map(look.deeds("opened").map((deed) => [deed.rotation, deed.target]));
  return look.ourChanges.flatMap(({ key, at, status }) => {
    const actions = BEFORE[status];
    if (actions === undefined) return [];
    const targets = look.targetsOf(key, at);
    const isAboutIt = (line: AuditLine): boolean =>
      line.keyId === null ? targets.includes(targetOf.get(line.rotation ?? "") ?? "") : line.keyId === key;
    const found = look.audit.some((line) => line.at <= at && actions.includes(line.action) && isAboutIt(line));
    return found ? [] : [{ promise: "P11", at, what: `${key} was set ${status}, and nothing before says so` }];
  });
}
