import type { Rotation } from "../../rotation/record.ts";
import { type Deps, storeOf } from "../deps.ts";
import { finish } from "./finish.ts";

/** Every destination was read back with the replacement: the pending copies have served and are destroyed (R19). */
export async function confirmPropagation(deps: Deps, record: Rotation): Promise<Rotation> {
  for (const dest of record.plan.destinations) {
    await (await storeOf(deps, dest)).discardPending(dest, record.id, { operators: true });
  }
  return finish(deps, record, "propagated");
}
