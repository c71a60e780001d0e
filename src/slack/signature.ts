import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { SecretText } from "../rotation/secret.ts";

/** Older or newer by more than this is refused: Bolt refuses the old only (milliseconds). */
const MAX_SKEW_MS = 5 * 60_000;

export type Verdict =
  /** `by`: which of the secrets signed it; `signature`: as sent, for the replay guard. */
  | { genuine: true; by: number; signature: string }
  | { genuine: false; why: "headers_missing" | "timestamp_old" | "timestamp_future" | "signature_wrong" };

/**
 * Whether Slack sent exactly these bytes within the last five minutes, by any of the signing secrets; compared in
 * constant time. @param now epoch milliseconds
 * @see https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function verifySignature(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secrets: readonly SecretText[],
  now: number,
): Verdict {
  const signature = headers["x-slack-signature"];
  const timestamp = headers["x-slack-request-timestamp"];
  if (typeof signature !== "string" || typeof timestamp !== "string" || !/^\d{1,12}$/.test(timestamp))
    return { genuine: false, why: "headers_missing" };
  const age = now - Number(timestamp) * 1000;
  if (age > MAX_SKEW_MS) return { genuine: false, why: "timestamp_old" };
  if (age < -MAX_SKEW_MS) return { genuine: false, why: "timestamp_future" };
  const given = Buffer.from(signature);
  let by = -1;
  for (const [i, secret] of secrets.entries()) {
    const hmac = secret.use((text) => createHmac("sha256", text).update(`v0:${timestamp}:`).update(body).digest("hex"));
    const expected = Buffer.from(`v0=${hmac}`);
    if (given.length === expected.length && timingSafeEqual(given, expected)) by = i;
  }
  return by === -1 ? { genuine: false, why: "signature_wrong" } : { genuine: true, by, signature };
}
