import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { fingerprintOf } from "../../rotation/secret.ts";
import type { GoogleSecrets } from "./client.ts";
import { valueIn, withValue } from "./document.ts";
import { clearIntent, noteIntent, openIntent } from "./intent.ts";
import { entriesOf, oursIn } from "./pending.ts";
import { settle, textOf } from "./settle.ts";
import { currentOf } from "./stage.ts";

/** How far back a rollback looks for the old value. */
const LOOK_BACK = 30;

/**
 * See SecretStore.promote. Looks for its own version first; then notes the intent, looks again that nothing moved,
 * adds, and verifies that its version follows directly on the base (R10). The caller holds the per-secret lease.
 */
export async function promote(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
  baseVersion: string,
): Promise<{ version: string }> {
  const current = await currentOf(google, dest);
  const pending = oursIn(await entriesOf(google, dest.secret), dest.field, rotationId)[0];
  if (pending === undefined) {
    throw new KeyturnError("STORE_CONFLICT", `Nothing is pending for ${rotationId} at ${dest.secret}.`);
  }
  const { value } = pending.envelope;
  if (valueIn(current.text, dest.field) === value) {
    await verifyPlace(google, dest, rotationId, value);
    return { version: current.number };
  }
  if (current.number !== baseVersion) {
    await clearIntent(google, dest, rotationId);
    throw new KeyturnError("BASE_CHANGED", baseMoved(dest, baseVersion, current.number));
  }
  return { version: await addOnTop(google, dest, rotationId, "promote", current, value) };
}

/** A value found in place: if its adding was not verified (a crash, a lost answer), that is done now. */
async function verifyPlace(google: GoogleSecrets, dest: Destination, rotationId: string, value: string): Promise<void> {
  const intent = await openIntent(google, dest, rotationId);
  if (intent === null) return;
  const base = await textOf(google, dest.secret, intent.base);
  const expected = base === null ? null : withValue(base, dest.field, value);
  // Without the base document the field has to do: its version was disabled or destroyed meanwhile.
  const isOurs = (text: string) => (expected === null ? holds(text, dest.field, value) : text === expected);
  await finish(google, dest, rotationId, intent.base, isOurs);
}

function holds(text: string, field: string | null, value: string): boolean {
  try {
    return valueIn(text, field) === value;
  } catch {
    return false;
  }
}

/** Adds `base` with our value in it. @returns the number. @throws BASE_CHANGED when others were faster */
async function addOnTop(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
  kind: "promote" | "rollback",
  base: { number: string; text: string },
  value: string,
): Promise<string> {
  const stillMine = await noteIntent(google, dest, rotationId, kind, base.number);
  await stillMine();
  const now = await currentOf(google, dest);
  if (now.number !== base.number) {
    await clearIntent(google, dest, rotationId);
    throw new KeyturnError("BASE_CHANGED", baseMoved(dest, base.number, now.number));
  }
  const text = withValue(base.text, dest.field, value);
  const added = await google.add(dest.secret, text);
  await finish(google, dest, rotationId, base.number, (other) => other === text, added);
  return added;
}

async function finish(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
  base: string,
  isOurs: (text: string) => boolean,
  added?: string,
): Promise<void> {
  const place =
    added !== undefined && Number(added) === Number(base) + 1
      ? "direct"
      : await settle(google, dest.secret, base, isOurs).catch(async (error: unknown) => {
          // A person is told; the note would only repeat it for ever.
          if (error instanceof KeyturnError && error.code === "STORE_CONFLICT")
            await clearIntent(google, dest, rotationId);
          throw error;
        });
  await clearIntent(google, dest, rotationId);
  if (place === "restored") {
    throw new KeyturnError(
      "BASE_CHANGED",
      `A version was added to ${dest.secret} at the same time; it was put back as found.`,
    );
  }
}

const baseMoved = (dest: Destination, base: string, now: string): string =>
  `${dest.secret} is at version ${now}, not ${base}.`;

/** See SecretStore.rollBack. The old value comes from any older version that still holds it. */
export async function rollBack(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
  replacementFingerprint: string,
  previousFingerprint: string,
): Promise<"rolled_back" | "not_promoted" | "changed_by_others" | "nothing_to_restore"> {
  const current = await google.access(dest.secret, "latest");
  if (current === null) throw new KeyturnError("STORE_MISSING", `${dest.secret} does not exist or has no version.`);
  const held = valueIn(current.text, dest.field);
  const fingerprint = held === null ? null : fingerprintOf(held);
  if (held !== null && fingerprint === previousFingerprint) {
    const intent = await openIntent(google, dest, rotationId);
    if (intent?.kind === "rollback") {
      await verifyPlace(google, dest, rotationId, held);
      return "rolled_back";
    }
    if (intent !== null) await clearIntent(google, dest, rotationId);
    return "not_promoted";
  }
  if (fingerprint !== replacementFingerprint) return "changed_by_others";
  const previous = await previousValue(google, dest, current.number, previousFingerprint);
  if (previous === null) return "nothing_to_restore";
  await addOnTop(google, dest, rotationId, "rollback", current, previous);
  return "rolled_back";
}

/** The value of that fingerprint in the newest older version that can still be read; null when there is none. */
async function previousValue(
  google: GoogleSecrets,
  dest: Destination,
  before: string,
  fingerprint: string,
): Promise<string | null> {
  const versions = (await google.versions(dest.secret)) ?? [];
  const older = versions.filter((version) => version.enabled && Number(version.number) < Number(before));
  for (const version of older.slice(0, LOOK_BACK)) {
    const text = await textOf(google, dest.secret, version.number);
    const value = text === null ? null : valueOrNull(text, dest.field);
    if (value !== null && fingerprintOf(value) === fingerprint) return value;
  }
  return null;
}

function valueOrNull(text: string, field: string | null): string | null {
  try {
    return valueIn(text, field);
  } catch {
    return null; // an older version of another shape
  }
}
