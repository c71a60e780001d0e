import { KeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import type { State } from "../rotation/states.ts";
import { commitMove } from "./commit.ts";
import { type Decider, decideOn } from "./decisions.ts";
import type { Deps } from "./deps.ts";

/** Where the outgoing key is, or may be, inactive even in a routine rotation. */
const AFTER_DEACTIVATION: readonly State[] = ["deactivating", "grace_period", "archiving"];

/**
 * Makes the outgoing key active again: one command during the grace period, and the way back of `revoke` in every state
 * until archived (R4, R6). The archive clock stops for good; workers do the call. Repeating it is harmless.
 * @throws WRONG_STATE (75) when there is nothing to reinstate or it is too late
 */
export function reinstate(deps: Deps, id: string, by: Decider): Promise<Rotation> {
  return decideOn(
    deps,
    id,
    by,
    async (record, { breakGlass }) => {
      if (record.state === "reinstating" || record.state === "reinstated") return record;
      const inactive = AFTER_DEACTIVATION.includes(record.state) || record.reason === "compromised";
      if (
        !inactive ||
        record.endedAt !== null ||
        record.state === "awaiting_approval" ||
        record.state === "rolling_back"
      ) {
        throw new KeyturnError(
          "WRONG_STATE",
          `Rotation ${record.id} is in ${record.state}: its outgoing key was not deactivated by it, or cannot come back.`,
        );
      }
      const step = {
        event: "reinstate",
        at: deps.clock.now(),
        actor: by.actor.name,
        via: by.actor.via,
        patch: { revokeAt: null },
      } as const;
      return commitMove(deps, record, step, { reason: by.breakGlass?.reason ?? null, breakGlass });
    },
    { urgent: true },
  );
}
