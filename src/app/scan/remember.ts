import type { Deps } from "../deps.ts";
import type { Survey } from "./survey.ts";

/**
 * Notes the keys in use, so that none is taken as a replacement for another target (R12), and their statuses. During a
 * rotation nothing is noted: the replacement of one that is rolled back is welcome again.
 */
export async function rememberInUse(deps: Deps, { bound }: Pick<Survey, "bound">): Promise<void> {
  const seen = await deps.scanLog.seenFingerprints();
  const statuses: Record<string, string> = {};
  for (const [{ target, destinations }, b] of bound) {
    if (b.key === null) continue;
    statuses[b.key.id] = b.key.status;
    const fingerprint = destinations[0]?.fingerprint;
    if (fingerprint === undefined || seen[fingerprint] !== undefined) continue;
    if ((await deps.rotations.holderOf(`target:${target.name}`)) === null)
      await deps.scanLog.rememberFingerprint(fingerprint, target.name);
  }
  await deps.scanLog.rememberStatuses(statuses);
}
