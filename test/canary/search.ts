import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "ioredis";

/** Something that must not be found anywhere. */
export interface Canary {
  name: string;
  text: string;
}

/** Bytes that left the process, and where they were found. */
export interface Trace {
  where: string;
  bytes: Buffer;
}

/** So many characters in a row from a key's hidden part are no chance; looked for at every sixth place: any 17 in a row are found. */
const PART = 12;
const STEP = 6;

/** All the ways in which a key may be written down that are looked for: each with the bytes it would leave. */
export function formsOf({ text }: Canary): { form: string; bytes: Buffer }[] {
  const raw = Buffer.from(text);
  const forms = [
    { form: "as it is", bytes: raw },
    // `sk-ant-api03-` and seven more: the hint shows three of them.
    { form: "first 20 characters", bytes: raw.subarray(0, 20) },
    { form: "hex", bytes: Buffer.from(raw.toString("hex")) },
    { form: "HEX", bytes: Buffer.from(raw.toString("hex").toUpperCase()) },
    { form: "URL encoding", bytes: Buffer.from(encodeURIComponent(text)) },
    {
      form: "every byte %-encoded",
      bytes: Buffer.from([...raw].map((b) => `%${b.toString(16).padStart(2, "0")}`).join("")),
    },
    { form: "UTF-16", bytes: Buffer.from(text, "utf16le") },
    { form: "backwards", bytes: Buffer.from(raw.toReversed()) },
    { form: "base64 of the first 20 characters", bytes: Buffer.from(raw.subarray(0, 18).toString("base64")) },
    { form: "hex of the first 20 characters", bytes: Buffer.from(raw.subarray(0, 20).toString("hex")) },
  ];
  // Base64 of a longer text that contains the key: three ways to fall on its groups of three bytes.
  for (const before of [0, 1, 2]) {
    const coded = Buffer.concat([Buffer.alloc(before, "x"), raw]).toString("base64");
    const certain = coded.slice(4, coded.length - 4);
    forms.push({ form: `base64 (+${before})`, bytes: Buffer.from(certain) });
    forms.push({
      form: `base64url (+${before})`,
      bytes: Buffer.from(certain.replaceAll("+", "-").replaceAll("/", "_")),
    });
  }
  // Any part of what the hint does not show.
  const hidden = text.slice(16, -4);
  for (let at = 0; at + PART <= hidden.length; at += STEP)
    forms.push({ form: `characters from ${16 + at}`, bytes: Buffer.from(hidden.slice(at, at + PART)) });
  return forms;
}

interface Sought {
  canary: number;
  form: number;
  bytes: Buffer;
}

/**
 * All forms of all canaries by their first four bytes, so that each trace is read once, however many canaries there are;
 * `seen` rules most places out without a look into the map.
 */
function indexOf(canaries: readonly Canary[]) {
  const byStart = new Map<number, Sought[]>();
  const seen = new Uint8Array(1 << 16);
  for (const [canary, each] of canaries.entries()) {
    for (const [form, { bytes }] of formsOf(each).entries()) {
      if (bytes.length < 4) continue;
      const start = bytes.readUInt32LE(0);
      seen[start & 0xffff] = 1;
      byStart.set(start, [...(byStart.get(start) ?? []), { canary, form, bytes }]);
    }
  }
  return { byStart, seen };
}

/** Every place where a canary shows, one line each; empty is the promise. */
export function findings(canaries: readonly Canary[], traces: readonly Trace[]): string[] {
  const { byStart, seen } = indexOf(canaries);
  const found: string[][] = canaries.map(() => []);
  for (const { where, bytes } of traces) {
    // By canary: the first of its forms that is there.
    const hits = new Map<number, number>();
    for (let i = 0; i + 4 <= bytes.length; i++) {
      if (seen[(bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8)] === 0) continue;
      for (const { canary, form, bytes: sought } of byStart.get(bytes.readUInt32LE(i)) ?? []) {
        if (form < (hits.get(canary) ?? Infinity) && bytes.subarray(i, i + sought.length).equals(sought))
          hits.set(canary, form);
      }
    }
    for (const [canary, form] of hits) {
      const each = canaries[canary];
      if (each !== undefined) found[canary]?.push(`${each.name} (${formsOf(each)[form]?.form}) in ${where}`);
    }
  }
  return found.flat();
}

/** The files below a folder, those left out by name excepted. */
export async function filesBelow(folder: string, leaveOut: readonly string[] = []): Promise<Trace[]> {
  const traces: Trace[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || leaveOut.includes(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    traces.push(
      { where: `file ${entry.name} (its name)`, bytes: Buffer.from(path) },
      { where: `file ${entry.name}`, bytes: await readFile(path) },
    );
  }
  return traces;
}

/** Everything that is in Redis now, key names included, whatever its type. */
export async function everythingIn(redis: Redis): Promise<Trace[]> {
  const traces: Trace[] = [];
  for (const key of await redis.keys("*")) {
    const type = await redis.type(key);
    const read: Record<string, () => Promise<unknown>> = {
      string: () => redis.get(key),
      hash: () => redis.hgetall(key),
      list: () => redis.lrange(key, 0, -1),
      set: () => redis.smembers(key),
      zset: () => redis.zrange(key, "0", "-1", "WITHSCORES"),
      stream: () => redis.xrange(key, "-", "+"),
    };
    // It went away meanwhile; the command that made it was seen.
    if (type === "none") continue;
    const value = await read[type]?.();
    if (value === undefined) throw new Error(`Redis has a type that is not searched: ${type}`);
    traces.push({ where: `Redis ${type} ${key}`, bytes: Buffer.from(`${key} ${JSON.stringify(value)}`) });
  }
  return traces;
}
