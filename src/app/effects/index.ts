import type { Effect } from "../../rotation/decide.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { Deps } from "../deps.ts";
import { activate } from "./activate.ts";
import { adoptPending } from "./adopt-pending.ts";
import { archive } from "./archive.ts";
import { checkDrain } from "./check-drain.ts";
import { cleanUp } from "./clean-up.ts";
import { confirmPropagation } from "./confirm-propagation.ts";
import { deactivate, revokeOutgoing } from "./deactivate.ts";
import { promote } from "./promote.ts";
import { recheck } from "./recheck.ts";
import { rollBack } from "./roll-back.ts";
import { takeBack } from "./take-back.ts";
import { verify } from "./verify.ts";

/**
 * What we do to the world outside, one file each. Every effect looks before it acts, writes its intent first, may be
 * repeated after a crash at any line, and returns the saved record.
 */
export const EFFECTS: Record<Effect, (deps: Deps, record: Rotation) => Promise<Rotation>> = {
  revoke_outgoing: revokeOutgoing,
  adopt_pending: adoptPending,
  verify,
  promote,
  confirm_propagation: confirmPropagation,
  check_drain: checkDrain,
  deactivate,
  archive,
  activate,
  roll_back: rollBack,
  recheck,
  clean_up: cleanUp,
  take_back: takeBack,
};
