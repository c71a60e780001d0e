import { createHash, randomBytes } from "node:crypto";

/** Bytes for ids and keys. `seeded` makes a whole organization repeatable; otherwise they are random. */
export interface Entropy {
  bytes(count: number): Buffer;
}

export function entropy(seed: string | null, startedWith: number): Entropy {
  if (seed === null) return { bytes: (count) => randomBytes(count) };
  let drawn = 0;
  return {
    bytes(count) {
      const parts: Buffer[] = [];
      for (let have = 0; have < count; have += 32) {
        // The number of events at start is part of the input, so a restart does not draw the same ids again.
        parts.push(createHash("sha256").update(`${seed}\0${startedWith}\0${drawn++}`).digest());
      }
      return Buffer.concat(parts).subarray(0, count);
    },
  };
}

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";

/** `apikey_01…`, `user_01…`: the prefix, `01` and 22 letters or digits. */
export function makeId(prefix: string, source: Entropy): string {
  let text = "";
  for (const byte of source.bytes(22)) text += LETTERS[byte % LETTERS.length];
  return `${prefix}_01${text}`;
}

/** `sk-ant-api03-` or `sk-ant-admin01-`, 93 characters of [A-Za-z0-9_-] and `AA` (facts 8). */
export function makeKeyText(kind: "api03" | "admin01", source: Entropy): string {
  return `sk-ant-${kind}-${source.bytes(70).toString("base64url").slice(0, 93)}AA`;
}

/**
 * The redacted form (facts 1.5). Written again here rather than taken from src/rotation: a simulated other side that
 * shared our code would share our mistakes.
 */
export const shownHint = (text: string): string => `${text.slice(0, 16)}...${text.slice(-4)}`;

export const digestOf = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** RFC 3339 with microseconds, as the API's own examples have them. */
export const stamp = (at: number): string => new Date(at).toISOString().replace("Z", "031Z");

export const isoTime = (at: number): string => new Date(at).toISOString();
