import type { Rotation } from "../rotation/record.ts";
import { withoutReplacement } from "../rotation/transition.ts";
import { commitIntent, commitMove } from "./commit.ts";
import { type Deps, storeOf } from "./deps.ts";

/** Throws an accepted replacement away before it was promoted: its pending copies go, and another key is asked for (R4). */
export async function discardReplacement(
  deps: Deps,
  r: Rotation,
  by: { actor: string; via: string },
): Promise<Rotation> {
  const keyId = r.replacement?.id ?? null;
  const intended = await commitIntent(deps, r, "discard", { keyId, by: by.actor });
  // Before the record forgets the key: a copy that survived the loss of it would be taken for a staged one again.
  for (const dest of r.plan.destinations)
    await (await storeOf(deps, dest)).discardPending(dest, r.id, { operators: true });
  return commitMove(
    deps,
    intended,
    { event: "key_rejected", at: deps.clock.now(), ...by, patch: withoutReplacement(intended) },
    { keyId, why: "revoked" },
  );
}
