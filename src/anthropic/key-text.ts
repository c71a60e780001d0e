import { KeyturnError } from "../rotation/errors.ts";

/** Whether a key can go into a header as it is: one line of printable ASCII without spaces. */
export const isSendable = (key: string): boolean => /^[\x21-\x7e]{1,1024}$/.test(key);

/**
 * A wiped key must not reach the API: its 401 would condemn a key that was never sent.
 * @throws INTERNAL
 */
export function refuseWiped(key: string): void {
  if (/^\0+$/.test(key)) throw new KeyturnError("INTERNAL", "(a key that was already wiped was to be sent)");
}
