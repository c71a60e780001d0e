import { createHash, randomUUID } from "node:crypto";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { changeAnnotations, existing, INTENT } from "./annotations.ts";
import type { GoogleSecrets } from "./client.ts";

/**
 * A note in the secret's annotations that a version is about to be added on top of `base`. Adding a version has
 * neither idempotency key nor compare-and-set, but annotations have the etag: the note tells a restart that a version
 * may have been added whose place was not verified yet, and lets two workers notice each other (R10).
 */
export interface Intent {
  kind: "promote" | "rollback";
  base: string;
  /** Of the field, which may contain anything. */
  tag: string;
  nonce: string;
  rotation: string;
}

const tagOf = (field: string | null): string =>
  createHash("sha256")
    .update(field ?? "")
    .digest("hex")
    .slice(0, 8);

function parse(text: string | undefined): Intent | null {
  const [kind, base, tag, nonce, ...rotation] = (text ?? "").split(":");
  if ((kind !== "promote" && kind !== "rollback") || base === undefined || tag === undefined || nonce === undefined)
    return null;
  return { kind, base, tag, nonce, rotation: rotation.join(":") };
}

/** This rotation's open intent for this destination; null when there is none. @throws STORE_MISSING */
export async function openIntent(google: GoogleSecrets, dest: Destination, rotationId: string): Promise<Intent | null> {
  const intent = parse((await existing(google, dest.secret)).annotations[INTENT]);
  return intent !== null && intent.rotation === rotationId && intent.tag === tagOf(dest.field) ? intent : null;
}

/**
 * Notes the intent, taking over from whoever noted one before: callers hold the per-secret lease, so that is a worker
 * that crashed or was overtaken.
 * @returns the check to make right before adding: throws STORE_UNAVAILABLE when another worker took over since
 */
export async function noteIntent(
  google: GoogleSecrets,
  dest: Destination,
  rotationId: string,
  kind: Intent["kind"],
  base: string,
): Promise<() => Promise<void>> {
  const text = [kind, base, tagOf(dest.field), randomUUID().slice(0, 8), rotationId].join(":");
  await changeAnnotations(google, dest.secret, (annotations) => ({ ...annotations, [INTENT]: text }));
  return async () => {
    if ((await existing(google, dest.secret)).annotations[INTENT] === text) return;
    throw new KeyturnError("STORE_UNAVAILABLE", `Another worker is writing ${dest.secret}.`);
  };
}

/** Removes this rotation's intent for this destination, and nobody else's. Safe to repeat. */
export async function clearIntent(google: GoogleSecrets, dest: Destination, rotationId: string): Promise<void> {
  await changeAnnotations(google, dest.secret, (annotations) => {
    const intent = parse(annotations[INTENT]);
    if (intent?.rotation === rotationId && intent.tag === tagOf(dest.field)) delete annotations[INTENT];
    return annotations;
  });
}
