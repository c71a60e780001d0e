import { createHash } from "node:crypto";
import { v5 as uuidv5 } from "uuid";
import { KeyturnError } from "../../rotation/errors.ts";

/** The name behind a name or ARN: ARNs end in a hyphen and six characters that the name does not have. */
export function secretName(secret: string): string {
  const name = /^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.+)$/.exec(secret)?.[1];
  return name === undefined ? secret : name.replace(/-[A-Za-z0-9]{6}$/, "");
}

const NAMESPACE = "5b0d7a0e-6f0c-5c1f-9a53-5e1d3f1c9a52";

/**
 * The idempotency token of a version, which becomes its id, so it also proves whose version it is: UUIDv5 of rotation,
 * secret, base version (R3), and the document's hash. The hash is there because a rotation may have to stage a second
 * key on the same base, after the first was rejected: without it AWS would refuse the second for ever.
 */
export function versionToken(
  purpose: "stage" | "restore",
  rotationId: string,
  secret: string,
  base: string,
  document: string,
): string {
  const hash = createHash("sha256").update(document, "utf8").digest("hex");
  return uuidv5(JSON.stringify([purpose, rotationId, secretName(secret), base, hash]), NAMESPACE);
}

const ROTATION = /^[A-Za-z0-9_-]{1,100}$/;
const checked = (rotationId: string): string => {
  if (!ROTATION.test(rotationId))
    throw new KeyturnError("INTERNAL", "The rotation id does not fit into a staging label.");
  return rotationId;
};

export const CURRENT = "AWSCURRENT";
export const PENDING = "AWSPENDING";
export const PREVIOUS = "AWSPREVIOUS";
/** Proves the right to move labels; never left on a version. */
export const PREFLIGHT = "keyturn-preflight";

/**
 * Our own staging labels, beside AWS's. A labelled version is never deleted by AWS, so an accepted key survives even
 * when somebody else takes AWSPENDING for a version of theirs, and the old value survives until we let it go.
 * A secret may have 20 labels in all; we add two per open rotation.
 */
export const pendingLabel = (rotationId: string, base: string): string =>
  `keyturn-pending.${checked(rotationId)}.${base}`;
export const previousLabel = (rotationId: string): string => `keyturn-previous.${checked(rotationId)}`;
export const restoreLabel = (rotationId: string): string => `keyturn-restore.${checked(rotationId)}`;

/** What one of our pending labels says; null for any other label. */
export function parsePendingLabel(label: string): { rotationId: string; base: string } | null {
  const match = /^keyturn-pending\.([A-Za-z0-9_-]+)\.(.+)$/.exec(label);
  return match === null ? null : { rotationId: match[1] as string, base: match[2] as string };
}
/** The rotation that one of our labels belongs to; null for any other label. */
export const rotationOfLabel = (label: string): string | null =>
  /^keyturn-(?:pending|previous|restore)\.([A-Za-z0-9_-]+)/.exec(label)?.[1] ?? null;
