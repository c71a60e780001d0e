import type { Rotation } from "../../rotation/record.ts";
import type { Event } from "../../rotation/states.ts";
import { commitMove } from "../commit.ts";
import type { Deps } from "../deps.ts";

/** Saves the outcome of an effect as a move made by us. */
export function finish(
  deps: Deps,
  record: Rotation,
  event: Event,
  patch: Partial<Rotation> = {},
  evidence: Record<string, unknown> = {},
): Promise<Rotation> {
  return commitMove(deps, record, { event, at: deps.clock.now(), actor: "keyturn", via: "worker", patch }, evidence);
}
