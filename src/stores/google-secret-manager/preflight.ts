import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { changeAnnotations } from "./annotations.ts";
import type { GoogleSecrets } from "./client.ts";
import { companionOf, destroyEntry, entriesOf, MARKER } from "./pending.ts";
import { currentOf, ensureCompanion } from "./stage.ts";

const prefixed = (names: string[]) => names.map((name) => `secretmanager.${name}`);

/** What Keyturn needs on the secret; bind it there, not on the project (facts: security.md section 9). */
export const ON_SECRET = prefixed([
  "secrets.get",
  "secrets.update",
  "versions.access",
  "versions.add",
  "versions.list",
]);
export const ON_COMPANION = prefixed([
  "secrets.get",
  "versions.access",
  "versions.add",
  "versions.destroy",
  "versions.list",
]);

/**
 * See SecretStore.preflight. Reads are done for real, the annotations are written back unchanged under the etag. Adding
 * a version to the secret cannot be tried, since it would be live at once, so Google is asked. The proto warns that
 * testIamPermissions "may fail open": it finds a missing role early, `promote` still meets a refusal by itself. Where
 * the question is not implemented (emulators), an empty marker is added to the companion and destroyed.
 */
export async function preflight(google: GoogleSecrets, dest: Destination, create: boolean): Promise<void> {
  await currentOf(google, dest);
  await changeAnnotations(google, dest.secret, (annotations) => annotations, true);
  await google.versions(dest.secret);
  await demand(google, dest.secret, ON_SECRET);
  await ensureCompanion(google, dest.secret, create);
  const asked = await demand(google, companionOf(dest.secret), ON_COMPANION);
  if (!asked) await google.add(companionOf(dest.secret), MARKER);
  // Also those of an earlier preflight that crashed between the two steps.
  const markers = (await entriesOf(google, dest.secret)).filter((entry) => entry.kind === "marker");
  for (const { meta } of markers) await destroyEntry(google, dest.secret, meta.number);
}

/** @returns false when the server cannot be asked. @throws STORE_DENIED, naming what is missing */
async function demand(google: GoogleSecrets, secret: string, permissions: readonly string[]): Promise<boolean> {
  const granted = await google.granted(secret, permissions);
  if (granted === null) return false;
  const missing = permissions.filter((permission) => !granted.includes(permission));
  if (missing.length > 0) throw new KeyturnError("STORE_DENIED", `Missing on ${secret}: ${missing.join(", ")}.`);
  return true;
}
