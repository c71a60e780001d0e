import type { Deps } from "../deps.ts";
import type { Problem } from "./report.ts";
import type { Survey } from "./survey.ts";
import type { Known } from "./upkeep.ts";

/** Records looked back at; older leftovers have been reported often enough, and are still among the unmanaged keys. */
const LOOK_BACK = 50;

/** A replacement whose rotation ended without completing is still an active key that nobody uses (R14). */
export async function reportLeftoverKeys(
  deps: Deps,
  { bound }: Pick<Survey, "bound">,
  { open }: Known,
  problems: Problem[],
): Promise<void> {
  const inUse = new Set(bound.flatMap(([, b]) => (b.key === null ? [] : [b.key.id])));
  for (const r of open.values()) for (const key of [r.outgoing, r.replacement]) if (key !== null) inUse.add(key.id);
  const asked = new Set<string>();
  let looked = 0;
  for await (const r of deps.rotations.all()) {
    if (++looked > LOOK_BACK) return;
    const id = r.replacement?.id;
    if (id === undefined || r.endedAt === null || r.state === "completed" || inUse.has(id) || asked.has(id)) continue;
    asked.add(id);
    const key = (await deps.admin.getKey(id)).value;
    if (key?.status !== "active") continue;
    problems.push({
      code: "leftover_key",
      target: r.target,
      // Whether somebody else uses it is not looked at here.
      message: `${key.name} (${id}) of ${r.id} is still active, and no target reads it; if nothing else uses it: keyturn revoke ${id} --unmanaged`,
    });
  }
}
