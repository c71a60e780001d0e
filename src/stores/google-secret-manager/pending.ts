import type { Pending } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { SecretText } from "../../rotation/secret.ts";
import { differsOnlyInField } from "../json-field.ts";
import type { GoogleSecrets, VersionMeta } from "./client.ts";
import { valueIn } from "./document.ts";

/**
 * The companion secret `<secret>-keyturn-pending`. A new version of a Google secret is `latest` at once, so pending
 * values live in a secret that no application reads (R19). One enabled version is one entry: ours is a small JSON
 * envelope, anything else was staged by an operator. Content is destroyed when it is no longer needed, the secret
 * itself never.
 */
export const companionOf = (secret: string): string => `${secret}-keyturn-pending`;

/** Written and destroyed at once by `preflight`; never a pending value. */
export const MARKER = '{"keyturn":1,"empty":true}';

/** More than any run leaves behind: reading on would only hide that nobody cleans up. */
const MOST_ENTRIES = 40;

export interface Envelope {
  rotation: string;
  field: string | null;
  /** Version of the secret that the value was staged on. */
  base: string;
  value: string;
}

export type Entry = { meta: VersionMeta } & (
  | { kind: "ours"; envelope: Envelope }
  | { kind: "operator"; text: string }
  | { kind: "marker" }
);

export const sealed = (envelope: Envelope): string => JSON.stringify({ keyturn: 1, ...envelope });

function opened(
  text: string,
): { kind: "ours"; envelope: Envelope } | { kind: "operator"; text: string } | { kind: "marker" } {
  let json: Record<string, unknown> = {};
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed === "object" && parsed !== null) json = parsed as Record<string, unknown>;
  } catch {
    // a bare key is no JSON
  }
  const { rotation, field, base, value } = json;
  if (json["keyturn"] !== 1) return { kind: "operator", text };
  if (json["empty"] === true) return { kind: "marker" };
  if (typeof rotation !== "string" || typeof base !== "string" || typeof value !== "string")
    return { kind: "operator", text };
  return { kind: "ours", envelope: { rotation, field: typeof field === "string" ? field : null, base, value } };
}

/** Everything pending for a secret, newest first. A companion that does not exist holds nothing. */
export async function entriesOf(google: GoogleSecrets, secret: string): Promise<Entry[]> {
  const companion = companionOf(secret);
  const enabled = ((await google.versions(companion)) ?? []).filter((version) => version.enabled);
  if (enabled.length > MOST_ENTRIES) {
    throw new KeyturnError(
      "STORE_CONFLICT",
      `${companion} has ${enabled.length} enabled versions: destroy those nobody needs.`,
    );
  }
  const entries: Entry[] = [];
  for (const meta of enabled) {
    const payload = await google.access(companion, meta.number).catch((error: unknown) => {
      // Disabled or destroyed since the list was made, by another worker's discard: it is not pending any more.
      if (error instanceof KeyturnError && error.code === "STORE_CONFLICT") return null;
      throw error;
    });
    if (payload !== null) entries.push({ meta, ...opened(payload.text) });
  }
  return entries;
}

/** This rotation's entries for this field, newest first. */
export function oursIn(entries: readonly Entry[], field: string | null, rotationId: string) {
  return entries.filter(
    (entry): entry is Entry & { kind: "ours" } =>
      entry.kind === "ours" && entry.envelope.rotation === rotationId && entry.envelope.field === field,
  );
}

/**
 * What operators staged for this field, newest first: a bare key counts for every field, a copy of the whole document
 * for the fields in it.
 */
export function operatorsIn(entries: readonly Entry[], field: string | null) {
  return entries.flatMap((entry) => {
    if (entry.kind !== "operator") return [];
    const document = field !== null && entry.text.trimStart().startsWith("{");
    const value = document ? fieldOf(entry.text, field) : valueIn(entry.text, null);
    return value === null ? [] : [{ meta: entry.meta, value, document: document ? entry.text : null }];
  });
}

function fieldOf(text: string, field: string): string | null {
  try {
    return valueIn(text, field);
  } catch {
    return null; // not a document we understand, so no value for this field
  }
}

/** See SecretStore.readPending. */
export async function readPending(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
): Promise<Pending | null> {
  const entries = await entriesOf(google, dest.secret);
  const mine = oursIn(entries, dest.field, rotationId)[0];
  if (mine !== undefined) {
    const { envelope, meta } = mine;
    const known = { rotationId, baseVersion: envelope.base, writtenAt: meta.createdAt, onlyOurField: true };
    return { value: SecretText.from(envelope.value), version: meta.number, ...known };
  }
  const theirs = operatorsIn(entries, dest.field)[0];
  if (theirs === undefined) return null;
  return {
    value: SecretText.from(theirs.value),
    version: theirs.meta.number,
    rotationId: null,
    baseVersion: null,
    writtenAt: theirs.meta.createdAt,
    onlyOurField: theirs.document === null || (await onlyThisField(google, dest, theirs.document)),
  };
}

async function onlyThisField(google: GoogleSecrets, dest: Destination, document: string): Promise<boolean> {
  const current = await google.access(dest.secret, "latest");
  return current !== null && dest.field !== null && differsOnlyInField(current.text, document, dest.field);
}

/** Destroys one entry for good, unless it is gone already. @throws STORE_UNAVAILABLE when it keeps changing */
export async function destroyEntry(google: GoogleSecrets, secret: string, version: string): Promise<void> {
  const companion = companionOf(secret);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const meta = (await google.versions(companion))?.find((one) => one.number === version);
    if (meta === undefined || !meta.enabled) return;
    if ((await google.destroy(companion, version, meta.etag)) === "done") return;
  }
  throw new KeyturnError("STORE_UNAVAILABLE", `Version ${version} of ${companion} keeps changing.`);
}
