import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { MARK_PREFIX } from "../mark-entries.ts";
import { type SecretsApi, show } from "./api.ts";
import { valueIn, withValue } from "./document.ts";
import { PREFLIGHT } from "./names.ts";
import { SecretView } from "./secret.ts";

/**
 * Proves every permission that a rotation needs, and leaves nothing: a tag and a label are set and taken off, and the
 * current version is put again under its own id. AWS checks the permission and then ignores that put, because token
 * and text are the same; so no version is spent, which AWS asks to do at most once in 10 minutes. What it cannot show
 * is the right to encrypt with the secret's KMS key: that fails at staging, before a key is accepted.
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
 */
export async function preflight(api: SecretsApi, { secret, field }: Destination): Promise<void> {
  const { current } = await SecretView.forWriting(api, secret);
  if (valueIn(current.document, field) === null) {
    throw new KeyturnError(
      "STORE_MISSING",
      field === null ? `${show(secret)} is empty.` : `${show(secret)}, field ${JSON.stringify(field)}.`,
    );
  }
  withValue(current.document, field, "preflight");
  const tag = `${MARK_PREFIX}preflight`;
  await api.tag(secret, { [tag]: "1" });
  await api.untag(secret, [tag]);
  await api.put(secret, current.id, current.document, [PREFLIGHT]);
  const on = (await SecretView.forWriting(api, secret)).idOf(PREFLIGHT);
  if (on === null) await api.moveLabel(secret, PREFLIGHT, { to: current.id });
  await api.moveLabel(secret, PREFLIGHT, { from: on ?? current.id });
}
