import { createHmac } from "node:crypto";
import { KeyturnError } from "../rotation/errors.ts";
import type { SecretText } from "../rotation/secret.ts";

const PREFIX = "whsec_";
/** What the Standard Webhooks specification asks of a generated secret (bytes). */
const LEAST_BYTES = 24;
/** A text of one's own (characters). */
const LEAST_CHARACTERS = 24;

/**
 * The signature of one request after Standard Webhooks 1.0 (standardwebhooks.com): `v1,` and the base64 of the HMAC-SHA256
 * of `id.timestamp.body`. @param timestamp seconds since 1970
 * @throws CONFIG_INVALID as `checkSecret`
 */
export function sign(secret: SecretText, id: string, timestamp: number, body: string): string {
  const key = keyOf(secret, "the webhook's secret");
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`, "utf8").digest("base64");
  key.fill(0);
  return `v1,${mac}`;
}

/** @param path where the secret stands in the configuration @throws CONFIG_INVALID when it is too short or no base64 */
export function checkSecret(secret: SecretText, path: string): void {
  keyOf(secret, path).fill(0);
}

function keyOf(secret: SecretText, path: string): Buffer {
  const bytes = secret.use((text) => {
    if (!text.startsWith(PREFIX)) return text.length < LEAST_CHARACTERS ? null : Buffer.from(text, "utf8");
    const rest = text.slice(PREFIX.length);
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(rest)) return null;
    const decoded = Buffer.from(rest, "base64");
    return decoded.length < LEAST_BYTES ? null : decoded;
  });
  if (bytes !== null) return bytes;
  throw new KeyturnError(
    "CONFIG_INVALID",
    `${path}: must be ${PREFIX} and base64 of ${LEAST_BYTES} bytes or more, or any text of ${LEAST_CHARACTERS} characters or more.`,
  );
}
