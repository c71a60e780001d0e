import type { AuditEntry } from "../../ports/audit.ts";
import type { HistoryEntry } from "../../rotation/record.ts";
import type { Deps } from "../deps.ts";

/** Checkpoints go without the history, which would grow with each entry; the chain itself is it. */
const PREFIX = "rotation.";

/**
 * What happened to these rotations, from the audit sink in the order of the chain. Empty when it cannot be read:
 * a history is for people, and no decision rests on it. Call it only with a verified sink.
 */
export async function historyOnRecord(deps: Deps, ids: ReadonlySet<string>): Promise<Map<string, HistoryEntry[]>> {
  const found = new Map<string, HistoryEntry[]>();
  if (ids.size === 0) return found;
  try {
    for await (const entry of deps.audit.entries()) {
      if (entry.rotation === null || !ids.has(entry.rotation) || !isEvent(entry)) continue;
      const { at, action, actor, via } = entry;
      const events = found.get(entry.rotation) ?? [];
      events.push({ at, event: action.slice(PREFIX.length), actor, via });
      found.set(entry.rotation, events);
    }
  } catch {
    deps.log.warn({ event: "history.unreadable" }, "the audit sink cannot be read for the history of a rotation");
    return new Map();
  }
  return found;
}

/** Moves name where they lead; looks, retries and changes of the reason are on record, but not in a history. */
const isEvent = ({ action, evidence }: Pick<AuditEntry, "action" | "evidence">): boolean =>
  action === `${PREFIX}opened` ||
  action === `${PREFIX}rebuilt` ||
  (action.startsWith(PREFIX) && typeof evidence["from"] === "string" && typeof evidence["to"] === "string");
