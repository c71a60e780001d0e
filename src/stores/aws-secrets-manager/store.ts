import type { Pending, SecretStore } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { SecretText } from "../../rotation/secret.ts";
import { checkMarks, MARK_PREFIX } from "../mark-entries.ts";
import { LIMITS, type Limits, SecretsApi, show } from "./api.ts";
import { sameElsewhere, valueIn, withValue } from "./document.ts";
import { CURRENT, PENDING, pendingLabel, previousLabel, rotationOfLabel, secretName, versionToken } from "./names.ts";
import type { AwsSecretsManagerOptions } from "./options.ts";
import { preflight } from "./preflight.ts";
import { rollBack } from "./roll-back.ts";
import { SecretView } from "./secret.ts";

/**
 * AWS Secrets Manager. Versions are whole documents and are never changed; labels say which one is current. So
 * staging adds a version under AWSPENDING, and promoting and rolling back move AWSCURRENT, which AWS refuses when it
 * is not where we saw it (R10). What a superseded version holds cannot be destroyed: without a label AWS forgets it
 * by and by (SECURITY.md).
 */
export async function openAwsSecretsManager(
  options: AwsSecretsManagerOptions,
  _name: string,
  limits: Limits = LIMITS,
): Promise<SecretStore> {
  const api = new SecretsApi(options, limits);
  const { region, endpoint } = options;
  const emptyField = ({ secret, field }: Destination) =>
    new KeyturnError(
      "STORE_MISSING",
      field === null ? `${show(secret)} is empty.` : `${show(secret)}, field ${JSON.stringify(field)}.`,
    );

  return {
    type: "aws-secrets-manager",
    conditionalWrite: true,
    location: { region, ...(endpoint === undefined ? {} : { endpoint }) },
    physicalId: ({ secret }) => `aws-secrets-manager:${region}:${endpoint ?? ""}:${secretName(secret)}`,

    async read({ secret, field }) {
      const current = await api.get(secret, { label: CURRENT });
      const value = current === null ? null : valueIn(current.document, field);
      return current === null || value === null ? null : { value: SecretText.from(value), version: current.id };
    },

    preflight: (dest) => preflight(api, dest),

    async stage(dest, value, rotationId) {
      const { secret, field } = dest;
      const view = await SecretView.forWriting(api, secret);
      const { current } = view;
      if (valueIn(current.document, field) === null) throw emptyField(dest);
      const mine = await view.staged(rotationId);
      const pendingId = view.idOf(PENDING);
      if (pendingId !== null && pendingId !== current.id && pendingId !== mine?.version.id) {
        // Somebody else's, unless it says exactly what we are about to say: then nothing is lost by replacing it (R12).
        const theirs = await view.foreignPending();
        const same =
          theirs !== null &&
          sameElsewhere(theirs.document, current.document, field) &&
          value.use((key) => valueIn(theirs.document, field) === key);
        if (!same) throw new KeyturnError("FOREIGN_PENDING", `${show(secret)} has a version labelled AWSPENDING.`);
      }
      // Another field of this secret may be staged by the same rotation (R1): merge into that, if its base still holds.
      const onto =
        mine !== null && mine.base === current.id && mine.version.id !== current.id
          ? mine.version.document
          : current.document;
      const document = value.use((key) => withValue(onto, field, key));
      const token = versionToken("stage", rotationId, secret, current.id, document);
      const label = pendingLabel(rotationId, current.id);
      if (pendingId !== token || mine?.version.id !== token) {
        await api.put(secret, token, document, [PENDING, label]);
        await takeLabels(dest, token, label, mine);
      }
      return { version: token, baseVersion: current.id };
    },

    async readPending(dest, rotationId): Promise<Pending | null> {
      const { secret, field } = dest;
      const view = await SecretView.find(api, secret);
      if (view === null) return null;
      const mine = await view.staged(rotationId);
      const version = mine?.version ?? (await view.foreignPending());
      const value = version === null ? null : valueIn(version.document, field);
      if (version === null || value === null) return null;
      const common = { value: SecretText.from(value), version: version.id, writtenAt: version.writtenAt };
      return mine === null
        ? {
            ...common,
            rotationId: null,
            baseVersion: null,
            onlyOurField: sameElsewhere(version.document, view.current.document, field),
          }
        : { ...common, rotationId, baseVersion: mine.base, onlyOurField: true };
    },

    async promote({ secret, field }, rotationId, baseVersion) {
      const view = await SecretView.forWriting(api, secret);
      const { current } = view;
      const mine = await view.staged(rotationId);
      const staged = mine === null ? null : valueIn(mine.version.document, field);
      if (mine === null || staged === null)
        throw new KeyturnError("STORE_CONFLICT", `Nothing is staged for ${show(secret)}.`);
      if (current.id === mine.version.id || valueIn(current.document, field) === staged) return { version: current.id };
      const changed = new KeyturnError("BASE_CHANGED", `${show(secret)} has another current version.`);
      if (current.id !== baseVersion || mine.base !== baseVersion) throw changed;
      await keep(view, rotationId, baseVersion);
      if ((await api.moveLabel(secret, CURRENT, { from: baseVersion, to: mine.version.id })) === "stale") {
        // Another worker may have been faster with the same move; anybody else's move is a change.
        if ((await api.get(secret, { label: CURRENT }))?.id !== mine.version.id) throw changed;
      }
      return { version: mine.version.id };
    },

    rollBack: (dest, rotationId, replacement, previous) => rollBack(api, dest, rotationId, { replacement, previous }),

    async discardPending({ secret }, rotationId, { operators = false } = {}) {
      const view = await SecretView.find(api, secret);
      if (view === null) return;
      const mine = (await view.staged(rotationId))?.version.id ?? null;
      const theirs = operators ? ((await view.foreignPending())?.id ?? null) : null;
      const pendingId = view.idOf(PENDING);
      // Only labels are taken off: a version that is current stays current.
      if (pendingId !== null && (pendingId === mine || pendingId === theirs))
        await api.moveLabel(secret, PENDING, { from: pendingId });
      const ours = [`keyturn-pending.${rotationId}.`, `keyturn-restore.${rotationId}`];
      for (const { label, id } of view.labels) {
        if (ours.some((start) => label.startsWith(start))) await api.moveLabel(secret, label, { from: id });
      }
    },
    /** The version stays for as long as AWS keeps it; only our label, which protects it, is taken off. */
    async discardPrevious({ secret }, rotationId) {
      const view = await SecretView.find(api, secret);
      const id = view?.idOf(previousLabel(rotationId)) ?? null;
      if (id !== null) await api.moveLabel(secret, previousLabel(rotationId), { from: id });
    },
    /** Also names rotations of which only the label on the previous value is left. */
    async listPending({ secret }) {
      const description = await api.describe(secret);
      const labels = [...(description?.labels.values() ?? [])].flat();
      return [...new Set(labels.flatMap((label) => rotationOfLabel(label) ?? []))];
    },

    async readMarks({ secret }) {
      const tags = Object.entries((await api.describe(secret))?.tags ?? {});
      return Object.fromEntries(
        tags.flatMap(([key, value]) => (key.startsWith(MARK_PREFIX) ? [[key.slice(MARK_PREFIX.length), value]] : [])),
      );
    },
    async mark({ secret }, entries) {
      checkMarks(entries);
      const description = await api.describe(secret);
      if (description === null) throw new KeyturnError("STORE_MISSING", `There is no secret ${show(secret)}.`);
      const named = Object.entries(entries).map(([name, value]) => [MARK_PREFIX + name, value] as const);
      const set = named.filter(
        (entry): entry is readonly [string, string] => entry[1] !== null && description.tags[entry[0]] !== entry[1],
      );
      await api.tag(secret, Object.fromEntries(set));
      await api.untag(
        secret,
        named.flatMap(([key, value]) => (value === null && key in description.tags ? [key] : [])),
      );
    },
    async close() {
      api.close();
    },
  };

  /** Puts both labels on `token`: AWS ignores a repeated put, labels included, so a discarded version comes back without. */
  async function takeLabels(
    { secret }: Destination,
    token: string,
    label: string,
    before: Awaited<ReturnType<SecretView["staged"]>>,
  ): Promise<void> {
    const view = await SecretView.forWriting(api, secret);
    for (const wanted of [PENDING, label]) {
      const from = view.idOf(wanted);
      if (from === token) continue;
      if ((await api.moveLabel(secret, wanted, { to: token, ...(from === null ? {} : { from }) })) === "stale") {
        throw new KeyturnError("STORE_UNAVAILABLE", `The labels of ${show(secret)} are being moved by someone else.`);
      }
    }
    // The version staged before, on an older base or with another field only, is superseded.
    if (before !== null && before.label !== label)
      await api.moveLabel(secret, before.label, { from: before.version.id });
  }

  /** Labels what is about to be replaced, so that AWS keeps it for rolling back whatever others do meanwhile. */
  async function keep(view: SecretView, rotationId: string, id: string): Promise<void> {
    const label = previousLabel(rotationId);
    const from = view.idOf(label);
    if (from === id) return;
    await api.moveLabel(view.name, label, { to: id, ...(from === null ? {} : { from }) });
  }
}
