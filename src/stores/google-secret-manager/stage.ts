import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import type { SecretText } from "../../rotation/secret.ts";
import type { GoogleSecrets } from "./client.ts";
import { valueIn, withValue } from "./document.ts";
import { companionOf, destroyEntry, entriesOf, operatorsIn, oursIn, sealed } from "./pending.ts";

/** What applications read now. @throws STORE_MISSING when there is no secret, version or field */
export async function currentOf(google: GoogleSecrets, dest: Destination): Promise<{ number: string; text: string }> {
  const current = await google.access(dest.secret, "latest");
  if (current === null) throw new KeyturnError("STORE_MISSING", `${dest.secret} does not exist or has no version.`);
  if (valueIn(current.text, dest.field) === null) {
    const what = dest.field === null ? "is empty" : `has no text in the field ${JSON.stringify(dest.field)}`;
    throw new KeyturnError("STORE_MISSING", `${dest.secret} ${what}.`);
  }
  return current;
}

/** The companion exists, or is made like the secret where the operator allowed that (R19). @throws STORE_MISSING */
export async function ensureCompanion(google: GoogleSecrets, secret: string, create: boolean): Promise<void> {
  const companion = companionOf(secret);
  if ((await google.secret(companion)) !== null) return;
  if (!create) {
    throw new KeyturnError("STORE_MISSING", `The secret ${companion}, where the replacement waits, does not exist.`, {
      next: `Create ${companion} with the same or narrower readers, or set \`companion: create\` for this store.`,
    });
  }
  await google.createLike(companion, secret);
}

/** See SecretStore.stage. */
export async function stage(
  google: GoogleSecrets,
  dest: Destination,
  value: SecretText,
  rotationId: string,
  create: boolean,
): Promise<{ version: string; baseVersion: string }> {
  const current = await currentOf(google, dest);
  const base = current.number;
  await ensureCompanion(google, dest.secret, create);
  const entries = await entriesOf(google, dest.secret);
  const mine = oursIn(entries, dest.field, rotationId);
  const newest = mine[0];
  return value.use(async (text) => {
    if (newest?.envelope.value === text && newest.envelope.base === base) {
      return { version: newest.meta.number, baseVersion: base };
    }
    const others = entries.filter(
      (e) => e.kind === "ours" && e.envelope.field === dest.field && e.envelope.rotation !== rotationId,
    );
    const theirs = operatorsIn(entries, dest.field).filter((e) => e.value !== text);
    if (others.length + theirs.length > 0) {
      throw new KeyturnError("FOREIGN_PENDING", `It is in ${companionOf(dest.secret)}.`);
    }
    // Would fail at promote for ever: better to say so while the operator still has the key in hand.
    if (Buffer.byteLength(withValue(current.text, dest.field, text)) > 65_536) {
      throw new KeyturnError("STORE_CONFLICT", `${dest.secret} would exceed 64 KiB.`);
    }
    // The new one first: between the two steps an accepted key must not exist nowhere (P2).
    const envelope = { rotation: rotationId, field: dest.field, base, value: text };
    const version = await google.add(companionOf(dest.secret), sealed(envelope));
    for (const old of mine) await destroyEntry(google, dest.secret, old.meta.number);
    return { version, baseVersion: base };
  });
}
