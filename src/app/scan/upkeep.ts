import type { LastKnown } from "../../ports/audit.ts";
import type { Rotation } from "../../rotation/record.ts";
import { mayBeWrittenLate } from "../../rotation/transition.ts";
import type { Deps } from "../deps.ts";
import { openRotations } from "./judge-targets.ts";
import { reportLeftoverKeys } from "./leftover-keys.ts";
import { rewriteMarks, tidyMarks } from "./marks-upkeep.ts";
import type { Problem } from "./report.ts";
import { sweep } from "./sweep.ts";
import type { Survey } from "./survey.ts";

/** `ending`: its clean-up is still to come. `unknown`: nobody can tell, so nothing of it is destroyed (P2). */
export type Standing = "open" | "ending" | "over" | "unknown";

/** What the parts of the upkeep need to tell an open rotation from one that is over. */
export interface Known {
  open: ReadonlyMap<string, Rotation>;
  /** As Redis or the verified sink says. */
  standing(id: string): Promise<Standing>;
  /** Known from marks only, and with nothing left to do: the outgoing key is archived. */
  spent: ReadonlySet<string>;
}

/**
 * What a scan sets right on the side: wake-ups, removed and stale marks, pending values nobody waits for, and a word on
 * keys that were left over (R14, R16, R19). A store that fails here is logged; the others go on. Safe to repeat.
 */
export async function upkeep(
  deps: Deps,
  found: Pick<Survey, "bound">,
  before: { sink: LastKnown | null; spent: ReadonlySet<string> },
  problems: Problem[],
): Promise<void> {
  const open = new Map((await openRotations(deps)).map((r) => [r.id, r] as const));
  const known: Known = {
    open,
    standing: async (id) => {
      if (open.has(id)) return "open";
      const record = await deps.rotations.load(id);
      if (record === null) return before.sink?.ended.has(id) === true ? "over" : "unknown";
      if (record.endedAt === null) return "open";
      // A write that comes late leaves a copy of the old value, which is needed to take it back.
      return record.cleanedUp && !mayBeWrittenLate(record, deps.clock.now()) ? "over" : "ending";
    },
    spent: before.spent,
  };
  for (const r of open.values()) {
    await deps.wakeups.wake(r.id, r.revision, Math.max(0, (r.wakeAt ?? 0) - deps.clock.now())).catch(() => undefined);
  }
  await rewriteMarks(deps, known, problems);
  await tidyMarks(deps, found, known);
  await sweep(deps, found, known, problems);
  await reportLeftoverKeys(deps, found, known, problems);
}
