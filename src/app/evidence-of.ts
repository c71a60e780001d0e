import type { AuditEntry } from "../ports/audit.ts";
import type { Deps } from "./deps.ts";

/** The audit entries of one rotation, at most so many of the newest; `total` counts all of them. */
export interface Evidence {
  entries: AuditEntry[];
  total: number;
}

/** Reading the whole log takes long; several readers at once take turns instead of reading it side by side. */
const turns = new WeakMap<object, Promise<unknown>>();

/**
 * What the audit log has on a rotation, from the sink and without trust in Redis. Memory is bounded by `most`.
 * @throws SINK_UNAVAILABLE when no audit file is configured or it cannot be read
 */
export async function evidenceOf(deps: Pick<Deps, "audit">, rotationId: string, most: number): Promise<Evidence> {
  const before = turns.get(deps.audit) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(() => read(deps, rotationId, most));
  turns.set(
    deps.audit,
    mine.catch(() => undefined),
  );
  return mine;
}

async function read({ audit }: Pick<Deps, "audit">, rotationId: string, most: number): Promise<Evidence> {
  const entries: AuditEntry[] = [];
  let total = 0;
  for await (const entry of audit.entries()) {
    if (entry.rotation !== rotationId) continue;
    total += 1;
    entries.push(entry);
    if (entries.length > most) entries.shift();
  }
  return { entries, total };
}
