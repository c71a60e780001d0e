import { KeyturnError } from "./errors.ts";
import { STATES } from "./states.ts";

/**
 * Whether a newer version of Keyturn wrote this record: its shape, or a state that this version does not know. It is
 * shown, and nothing else: what we do not understand we would lose when we save it. Fields that we do not know in a record
 * of our own shape are kept by every save.
 */
export const isNewer = (r: { schema: unknown; state: string }): boolean =>
  r.schema !== 1 || !Object.hasOwn(STATES, r.state);

/** @throws NEWER_RECORD (75) */
export function refuseNewer(r: { id: string; schema: unknown; state: string }): void {
  if (isNewer(r)) throw new KeyturnError("NEWER_RECORD", `(${r.id})`);
}
