import { randomBytes } from "node:crypto";

/** Crockford's digits: no I, L, O, U, so that an id can be read out. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** `rot_` and 20 characters: 10 of the time in milliseconds, 10 random (50 bits). Ids sort by time. */
export function newRotationId(now: number): string {
  let time = "";
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = (DIGITS[rest % 32] as string) + time;
  const random = Array.from(randomBytes(10), (byte) => DIGITS[byte % 32]).join("");
  return `rot_${time}${random}`;
}
