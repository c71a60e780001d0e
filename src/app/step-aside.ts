import { KeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";

/** So often somebody who saves at the same moment is stepped aside for. */
const TRIES = 5;

/**
 * Does something on a record; when somebody saved it in between, does it on what they saved.
 * @param still whether that is still the same matter; where it is not, the conflict stands
 * @throws what `work` throws; CONFLICT after five tries, or when the record is gone
 */
export async function stepAside<T>(
  deps: Pick<Deps, "rotations">,
  seen: Rotation,
  work: (r: Rotation) => Promise<T>,
  still: (now: Rotation) => boolean = () => true,
): Promise<T> {
  let record = seen;
  for (let tries = 1; ; tries++) {
    try {
      return await work(record);
    } catch (error) {
      if (!(error instanceof KeyturnError) || error.code !== "CONFLICT" || tries >= TRIES) throw error;
      const now = await deps.rotations.load(seen.id);
      if (now === null || !still(now)) throw error;
      record = now;
    }
  }
}
