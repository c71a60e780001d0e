import type { Outbox } from "../../ports/outbox.ts";
import type { Deps } from "../deps.ts";

/**
 * Finds rotations that moved on since people were told last, and has them delivered: a process that died between saving and
 * adding to the outbox, or an outbox that did not answer. Reads records only; safe to repeat, in any number of processes.
 * @param everything also those that people know the newest of: what a channel shows of them may depend on who is there
 * @returns how many were added
 * @throws REDIS_UNAVAILABLE
 */
export async function sweep(
  deps: Pick<Deps, "rotations" | "clock">,
  outbox: Outbox,
  everything = false,
): Promise<number> {
  const told = new Map((await outbox.unfinished()).map((each) => [each.id, each.revision]));
  const ids = new Set([...(await deps.rotations.openIds()), ...told.keys()]);
  let added = 0;
  for (const id of ids) {
    const record = await deps.rotations.load(id);
    const behind = everything || record === null || record.endedAt !== null || record.revision > (told.get(id) ?? 0);
    if (!behind) continue;
    await outbox.add(id, deps.clock.now());
    added += 1;
  }
  return added;
}
