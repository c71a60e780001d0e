import type { SecretStore } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { SecretText } from "../../rotation/secret.ts";
import { existing, marksIn, setMarks } from "./annotations.ts";
import { openGoogle } from "./client.ts";
import { valueIn } from "./document.ts";
import { googleLocation, type GoogleSecretManagerOptions } from "./options.ts";
import { companionOf, destroyEntry, entriesOf, operatorsIn, oursIn, readPending } from "./pending.ts";
import { preflight } from "./preflight.ts";
import { promote, rollBack } from "./promote.ts";
import { stage } from "./stage.ts";

/**
 * Google Secret Manager. Applications read `versions/latest`, which a new version is at once; so pending values wait
 * in a companion secret, and `promote` adds a version under the protocol of promote.ts. Versions stay, so the old value
 * can be restored from an earlier one and `discardPrevious` has nothing to do.
 * @param name the store's name in the configuration, for messages
 */
export async function openGoogleSecretManager(
  options: GoogleSecretManagerOptions & { timeoutMs?: number },
  name: string,
): Promise<SecretStore> {
  const google = await openGoogle(options);
  const location = googleLocation(options);
  const create = options.companion === "create";
  /** Runs `call` only for a secret id that can be a destination. */
  const at = async <T>(dest: Destination, call: () => Promise<T>): Promise<T> => {
    const id = dest.secret;
    // An id goes into a resource name, so nothing else may pass; 255 is the limit of the companion's id, too.
    if (!/^[A-Za-z0-9_-]+$/.test(id) || companionOf(id).length > 255 || id.endsWith(companionOf(""))) {
      throw new KeyturnError("CONFIG_INVALID", `${JSON.stringify(id)} cannot be a secret id of the store ${name}.`);
    }
    return call();
  };

  return {
    type: "google-secret-manager",
    conditionalWrite: false,
    location,
    physicalId: (dest) => `google-secret-manager://${options.endpoint ?? ""}/${options.project}/${dest.secret}`,
    read: (dest) =>
      at(dest, async () => {
        const current = await google.access(dest.secret, "latest");
        const value = current === null ? null : valueIn(current.text, dest.field);
        return current === null || value === null ? null : { value: SecretText.from(value), version: current.number };
      }),
    preflight: (dest) => at(dest, () => preflight(google, dest, create)),
    stage: (dest, value, rotationId) => at(dest, () => stage(google, dest, value, rotationId, create)),
    readPending: (dest, rotationId) => at(dest, () => readPending(google, dest, rotationId)),
    promote: (dest, rotationId, baseVersion) => at(dest, () => promote(google, dest, rotationId, baseVersion)),
    rollBack: (dest, rotationId, replacementFingerprint, previousFingerprint) =>
      at(dest, () => rollBack(google, dest, rotationId, replacementFingerprint, previousFingerprint)),
    discardPending: (dest, rotationId, more = {}) =>
      at(dest, async () => {
        const entries = await entriesOf(google, dest.secret);
        const theirs = operatorsIn(entries, dest.field);
        const mine = oursIn(entries, dest.field, rotationId);
        // An operator's value that became this rotation's by being staged is a second copy of the same key (R19).
        const copies = theirs.filter((one) => more.operators || mine.some((own) => own.envelope.value === one.value));
        // Copies first: once ours is gone, a crash in between could not be told from a value nobody staged.
        for (const { meta } of [...copies, ...mine]) await destroyEntry(google, dest.secret, meta.number);
      }),
    // The manager keeps the old version by itself; destroying it is the owner's policy, not ours.
    discardPrevious: (dest) => at(dest, () => Promise.resolve()),
    listPending: (dest) =>
      at(dest, async () => {
        const entries = await entriesOf(google, dest.secret);
        return [...new Set(entries.flatMap((entry) => (entry.kind === "ours" ? [entry.envelope.rotation] : [])))];
      }),
    readMarks: (dest) => at(dest, async () => marksIn((await existing(google, dest.secret)).annotations)),
    mark: (dest, entries) => at(dest, () => setMarks(google, dest.secret, entries)),
    close: () => google.close(),
  };
}
