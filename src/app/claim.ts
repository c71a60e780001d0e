import { KeyturnError } from "../rotation/errors.ts";
import { describeDestination } from "../rotation/locks.ts";
import type { Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";
import { foreignInstall, markOne, marksOf } from "./marking.ts";

/**
 * Writes our claim beside every destination and reads it back; a destination that another installation has claimed is
 * not touched (R23). Repeating it is harmless. @throws LOCK_HELD naming the other installation
 */
export async function claim(deps: Deps, record: Rotation): Promise<void> {
  for (const dest of record.plan.destinations) {
    const before = await marksOf(deps, dest);
    const other = foreignInstall(before, record.install);
    const where = describeDestination(dest);
    if (other !== null)
      throw new KeyturnError("LOCK_HELD", `Installation "${other}" has an open rotation at ${where}.`, {
        reason: "managed_elsewhere",
      });
    if (before.rotation === record.id && before.install === record.install) continue;
    await markOne(deps, record, dest, "claim", record.outgoing.fingerprint);
    const after = await marksOf(deps, dest);
    if (after.rotation !== record.id || after.install !== record.install) {
      throw new KeyturnError("LOCK_HELD", `The claim at ${where} was overwritten.`, { reason: "managed_elsewhere" });
    }
  }
}
