import { KeyturnError } from "../../rotation/errors.ts";
import type { GoogleSecrets, VersionMeta } from "./client.ts";

const MOST_VERSIONS = 30;
const ROUNDS = 4;

/** The text of a version; null when it is disabled, destroyed or not text. */
export async function textOf(google: GoogleSecrets, secret: string, number: string): Promise<string | null> {
  const payload = await google.access(secret, number).catch((error: unknown) => {
    if (error instanceof KeyturnError && error.code === "STORE_CONFLICT") return null;
    throw error;
  });
  return payload?.text ?? null;
}

/**
 * Looks whether the version we added follows directly on the one we read; if somebody else's is between, our version
 * hides a change that its author believes to be in force (P9, R10). Then theirs is added again as found, unless
 * something newer is there. Not covered: a crash after that second adding with yet another change in between.
 * @param base the version we read, which ours was to follow
 * @param isOurs whether a payload is the one we added; two workers may both have added it, which is no harm
 * @returns "direct", or "restored" when applications read the other's value again
 * @throws STORE_CONFLICT when the other's change cannot be put back; the message names the versions
 */
export async function settle(
  google: GoogleSecrets,
  secret: string,
  base: string,
  isOurs: (text: string) => boolean,
): Promise<"direct" | "restored"> {
  const newer = await newerThan(google, secret, base);
  const own: boolean[] = [];
  for (const version of newer) {
    const text = version.enabled ? await textOf(google, secret, version.number) : null;
    own.push(text !== null && isOurs(text));
  }
  const first = own.indexOf(true);
  const overwritten = newer[first - 1];
  if (overwritten === undefined) return "direct"; // nothing between, or (-1) what is there is not of our making
  const last = own.lastIndexOf(true);
  if (last !== newer.length - 1) return lost(secret, overwritten, newer[first]);
  return restore(google, secret, overwritten, newer[last] as VersionMeta);
}

/** Adds the payload of `foreign` again, on top of `top`, and looks again what came in between. */
async function restore(
  google: GoogleSecrets,
  secret: string,
  foreign: VersionMeta,
  top: VersionMeta,
): Promise<"restored"> {
  let [overwritten, under] = [foreign, top.number];
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = overwritten.enabled ? await textOf(google, secret, overwritten.number) : null;
    if (text === null) return lost(secret, overwritten, top);
    const added = await google.add(secret, text);
    const between = (await newerThan(google, secret, under)).filter((v) => Number(v.number) < Number(added));
    const newest = between.at(-1);
    if (newest === undefined) return "restored";
    [overwritten, under] = [newest, added];
  }
  return lost(secret, overwritten, top);
}

/** Versions after `base`, oldest first. */
async function newerThan(google: GoogleSecrets, secret: string, base: string): Promise<VersionMeta[]> {
  const all = (await google.versions(secret)) ?? [];
  const newer = all.filter((version) => Number(version.number) > Number(base)).toReversed();
  if (newer.length <= MOST_VERSIONS) return newer;
  throw new KeyturnError("STORE_CONFLICT", `${secret} got ${newer.length} versions since version ${base}.`);
}

function lost(secret: string, theirs: VersionMeta, ours: VersionMeta | undefined): never {
  throw new KeyturnError(
    "STORE_CONFLICT",
    `Version ${theirs.number} of ${secret} was added by someone else and is hidden by Keyturn's version ` +
      `${ours?.number ?? "after it"}; it could not be put back.`,
    { next: `Compare the two versions, add one that has both changes, then \`keyturn retry\`.` },
  );
}
