import type { Deps } from "../deps.ts";
import { namedTargets } from "../plans.ts";
import { type Bound, bind, sharedSecrets, wantedOf } from "./bind.ts";
import { type Unheld, listKeys } from "./keys.ts";
import { type ReadTarget, readTargets, wipeAll } from "./read-targets.ts";
import type { Problem } from "./report.ts";
import { ruleTargets } from "./rule-targets.ts";

/** What a scan read, before anything is concluded from it. The values are in memory until `wipe`. */
export interface Survey {
  bound: [ReadTarget, Bound][];
  /** Active keys that no target holds. */
  unheld: Unheld[];
  problems: Problem[];
  /** Keys of the organization that were listed. */
  keys: number;
  wipe(): void;
}

/**
 * Reads every destination and every key, and binds each target to its key. Reads only.
 * @throws ADMIN_* when the keys cannot all be read
 */
export async function survey(deps: Deps, onProgress?: (keys: number) => void): Promise<Survey> {
  const read = await readTargets(deps, namedTargets(deps.settings));
  const wipe = () => wipeAll(read);
  try {
    const { candidates, unheld, total, pages } = await listKeys(deps, wantedOf(read), onProgress);
    const shared = sharedSecrets(read);
    const bound = read.map((r): [ReadTarget, Bound] => [r, bind(r, candidates, shared)]);
    const held = new Set(bound.flatMap(([, b]) => (b.key === null ? [] : [b.key.id])));
    const free = unheld.filter((k) => !held.has(k.keyId));
    const ruled = await ruleTargets(deps, free, read, pages);
    for (const [r] of ruled.found) read.push(r);
    const ruledKeys = new Set(ruled.found.flatMap(([, b]) => (b.key === null ? [] : [b.key.id])));
    return {
      bound: [...bound, ...ruled.found],
      unheld: ruledKeys.size === 0 ? free : free.filter((k) => !ruledKeys.has(k.keyId)),
      problems: ruled.problems,
      keys: total,
      wipe,
    };
  } catch (error) {
    wipe();
    throw error;
  }
}
