import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { fingerprintOf } from "../../rotation/secret.ts";
import { type SecretsApi, show, type Version } from "./api.ts";
import { valueIn, withValue } from "./document.ts";
import { CURRENT, PREVIOUS, previousLabel, restoreLabel, versionToken } from "./names.ts";
import { SecretView } from "./secret.ts";

type Outcome = "rolled_back" | "not_promoted" | "changed_by_others" | "nothing_to_restore";

/**
 * Puts the outgoing key back where the replacement still is. When the current version is the one we promoted, its
 * base becomes current again as a whole. When others changed further fields since, only our field is put back, in a
 * new version on top of theirs. Safe to repeat.
 * @throws BASE_CHANGED when the current version moved between our look and our write
 */
export async function rollBack(
  api: SecretsApi,
  { secret, field }: Destination,
  rotationId: string,
  fingerprints: { replacement: string; previous: string },
): Promise<Outcome> {
  const view = await SecretView.forWriting(api, secret);
  const { current } = view;
  const now = valueIn(current.document, field);
  if (now !== null && fingerprintOf(now) === fingerprints.previous) {
    await dropRestoreLabel(api, view, rotationId);
    return "not_promoted";
  }
  if (now === null || fingerprintOf(now) !== fingerprints.replacement) return "changed_by_others";
  const old = await previousVersion(view, field, rotationId, fingerprints.previous);
  if (old === null) return "nothing_to_restore";
  const isOurs = versionToken("stage", rotationId, secret, old.id, current.document) === current.id;
  const target = isOurs ? old.id : await merged(api, view, field, rotationId, old);
  if ((await api.moveLabel(secret, CURRENT, { from: current.id, to: target })) === "stale") {
    // Our own first try may have taken effect without its answer reaching the SDK, which then tried again.
    if ((await api.get(secret, { label: CURRENT }))?.id !== target)
      throw new KeyturnError("BASE_CHANGED", `${show(secret)} has another current version.`);
  }
  await dropRestoreLabel(api, await SecretView.forWriting(api, secret), rotationId);
  return "rolled_back";
}

/** The version from before `promote`: the one we labelled, else AWS's own AWSPREVIOUS; only with the outgoing key in it. */
async function previousVersion(
  view: SecretView,
  field: string | null,
  rotationId: string,
  fingerprint: string,
): Promise<Version | null> {
  const mine = await view.staged(rotationId);
  for (const id of [view.idOf(previousLabel(rotationId)), mine?.base ?? null, view.idOf(PREVIOUS)]) {
    const version = id === null ? null : await view.version(id);
    const value = version === null ? null : valueIn(version.document, field);
    if (value !== null && fingerprintOf(value) === fingerprint) return version;
  }
  return null;
}

/** Adds a version that is the current document with the old key. Under a label of our own: AWSPENDING may be in use. */
async function merged(
  api: SecretsApi,
  view: SecretView,
  field: string | null,
  rotationId: string,
  old: Version,
): Promise<string> {
  const document = withValue(view.current.document, field, valueIn(old.document, field) ?? "");
  const token = versionToken("restore", rotationId, view.name, view.current.id, document);
  if (view.idOf(restoreLabel(rotationId)) !== token)
    await api.put(view.name, token, document, [restoreLabel(rotationId)]);
  return token;
}

async function dropRestoreLabel(api: SecretsApi, view: SecretView, rotationId: string): Promise<void> {
  const label = restoreLabel(rotationId);
  const id = view.idOf(label);
  if (id !== null) await api.moveLabel(view.name, label, { from: id });
}
