import { setTimeout as sleep } from "node:timers/promises";
import type { Marks } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { checkMarks, MARK_PREFIX } from "../mark-entries.ts";
import type { GoogleSecrets } from "./client.ts";

type Annotations = Record<string, string>;

/** The store's own entry, see intent.ts; not a mark. */
export const INTENT = "keyturn-intent";
const ATTEMPTS = 6;

/**
 * Changes annotations by compare-and-set on the secret's etag, reading again when somebody else was faster; entries
 * of others are left as found. A lost answer is settled by reading. Safe to repeat.
 * @param change gets a copy; returns what the annotations should be
 * @param always writes even if nothing changes (proof of permission)
 * @throws STORE_MISSING, STORE_UNAVAILABLE when others keep changing the secret
 */
export async function changeAnnotations(
  google: GoogleSecrets,
  secret: string,
  change: (annotations: Annotations) => Annotations,
  always = false,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { etag, annotations } = await existing(google, secret);
    const wanted = change({ ...annotations });
    if (!always && same(wanted, annotations)) return;
    try {
      if ((await google.annotate(secret, wanted, etag)) === "done") return;
    } catch (error) {
      if (always || !(error instanceof KeyturnError) || error.code !== "STORE_UNAVAILABLE") throw error;
      const { annotations: now } = await existing(google, secret);
      if (!same(change({ ...now }), now)) throw error;
      return;
    }
    await sleep(10 + Math.random() * 40 * 2 ** attempt);
  }
  throw new KeyturnError("STORE_UNAVAILABLE", `The annotations of ${secret} keep changing.`);
}

/** Metadata of a secret that must exist. @throws STORE_MISSING */
export async function existing(
  google: GoogleSecrets,
  secret: string,
): Promise<{ etag: string; annotations: Annotations }> {
  const meta = await google.secret(secret);
  if (meta === null) throw new KeyturnError("STORE_MISSING", `There is no secret ${secret}.`);
  return meta;
}

/** Our marks without their prefix. */
export function marksIn(annotations: Annotations): Marks {
  const ours = Object.entries(annotations).filter(([name]) => name.startsWith(MARK_PREFIX) && name !== INTENT);
  return Object.fromEntries(ours.map(([name, value]) => [name.slice(MARK_PREFIX.length), value]));
}

/** Sets and removes marks. @throws INTERNAL for what may never be in a mark (R16), before anything is written */
export async function setMarks(
  google: GoogleSecrets,
  secret: string,
  entries: Record<string, string | null>,
): Promise<void> {
  checkMarks(entries);
  if ("intent" in entries) throw new KeyturnError("INTERNAL", "The mark `intent` belongs to the store.");
  await changeAnnotations(google, secret, (annotations) => {
    for (const [name, value] of Object.entries(entries)) {
      if (value === null) delete annotations[MARK_PREFIX + name];
      else annotations[MARK_PREFIX + name] = value;
    }
    return annotations;
  });
}

function same(a: Annotations, b: Annotations): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
