import assert from "node:assert";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { SecretText, fingerprintOf, hintOf, markFingerprint } from "../../src/rotation/secret.ts";
import { makeKey } from "../support/keys.ts";

const KEY = makeKey("canary");
/** What no output may contain: any stretch of the key behind its hint. */
const BODY = KEY.slice(16, -4);
const secret = (): SecretText => SecretText.from(KEY);
const SHOWN = `[key ${KEY.slice(0, 16)}...${KEY.slice(-4)}]`;

function printed(log: (c: Console) => void): string {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  log(new Console({ stdout: stream, stderr: stream }));
  return text;
}

const WAYS: [way: string, text: () => string][] = [
  ["String()", () => String(secret())],
  ["a template", () => `${String(secret())} and ${secret().toString()}`],
  ["concatenation", () => (secret() as unknown as string) + ""],
  ["Array.join", () => [secret()].join()],
  ["JSON.stringify", () => JSON.stringify(secret())],
  ["JSON.stringify of an object that holds it", () => JSON.stringify({ a: [{ key: secret() }] })],
  ["util.inspect", () => inspect(secret())],
  [
    "util.inspect with everything shown",
    () => inspect({ a: secret() }, { showHidden: true, depth: null, getters: true }),
  ],
  [
    "util.inspect without custom inspection",
    () => inspect(secret(), { customInspect: false, showHidden: true, depth: null }),
  ],
  ["util.inspect of a Map and a Set", () => inspect([new Map([["key", secret()]]), new Set([secret()])])],
  ["%s", () => format("%s", secret())],
  ["%o and %O", () => format("%o %O", secret(), secret())],
  ["%j", () => format("%j", secret())],
  ["%d and %i", () => format("%d %i", secret(), secret())],
  ["console.log", () => printed((c) => c.log("key", secret()))],
  ["console.dir", () => printed((c) => c.dir(secret(), { showHidden: true }))],
  ["console.table", () => printed((c) => c.table([{ key: secret() }]))],
  ["console.error of an error whose cause it is", () => printed((c) => c.error(new Error("no", { cause: secret() })))],
  [
    "an error's cause, inspected",
    () => inspect(new KeyturnError("INTERNAL"), { showHidden: true }) + inspect(new Error("x", { cause: secret() })),
  ],
  ["an error's property", () => inspect(Object.assign(new Error("x"), { key: secret() }))],
  [
    "a failed assertion",
    () => inspect(new assert.AssertionError({ actual: secret(), expected: 1, operator: "strictEqual" })),
  ],
  ["structuredClone", () => inspect(structuredClone(secret()), { showHidden: true, customInspect: false })],
  ["v8.serialize, as between worker threads", () => serialize(secret()).toString("latin1")],
  ["Object.entries and property names", () => inspect([Object.entries(secret()), Reflect.ownKeys(secret())])],
  ["spreading", () => inspect({ ...(secret() as object) }, { showHidden: true })],
  ["Object.assign", () => JSON.stringify(Object.assign({}, secret()))],
];

describe("P3: a SecretText prints as its hint in every way a value can be printed", () => {
  it.each(WAYS)("%s never shows the key", (_, text) => {
    const shown = text();
    for (let i = 0; i + 6 <= BODY.length; i++)
      expect(shown.includes(BODY.slice(i, i + 6)), "a part of the key").toBe(false);
  });

  it("shows its hint where it shows anything", () => {
    expect([String(secret()), JSON.stringify(secret()), inspect(secret())]).toEqual([SHOWN, `"${SHOWN}"`, SHOWN]);
  });
});

describe("a SecretText", () => {
  it("hands its text out only inside `use`, and what that returns", () => {
    expect(secret().use((text) => text === KEY)).toBe(true);
    expect(SecretText.from("a\u00e9\u{1F511}").use((text) => text)).toBe("a\u00e9\u{1F511}");
  });

  it("is wiped for good, and only itself", () => {
    const [one, two] = [secret(), secret()];
    one.wipe();
    one.wipe();
    expect(one.use((text) => /^\0+$/.test(text) && text.length === KEY.length)).toBe(true);
    expect(String(one)).not.toContain("sk-ant");
    expect(two.use((text) => text === KEY)).toBe(true);
  });

  it("does not live in the pool that small buffers share, where wiping and reading would reach others", () => {
    const key = makeKey("pool");
    const kept = SecretText.from(key);
    const pool = Buffer.from(Buffer.from("x").buffer);
    expect(pool.length).toBeGreaterThan(1000);
    expect(pool.includes(key)).toBe(false);
    expect(kept.use((text) => text === key)).toBe(true);
  });

  it("equals another of the same text", () => {
    expect(secret().equals(secret())).toBe(true);
    expect(secret().equals(SecretText.from(makeKey("else")))).toBe(false);
    expect(secret().equals(SecretText.from(`${KEY}A`))).toBe(false);
  });
});

describe("a key hint", () => {
  it("is the form the Admin API shows: 16 characters, three dots, four", () => {
    expect(secret().hint).toBe(`${KEY.slice(0, 16)}...${KEY.slice(-4)}`);
    expect(hintOf(KEY)).toHaveLength(23);
  });

  it.each([0, 1, 23, 39])("of a text of %i characters shows nothing", (length) => {
    expect(hintOf(KEY.slice(0, length))).toBe("…");
  });

  it("of 40 characters hides half of them", () => {
    expect(hintOf(KEY.slice(0, 40))).toHaveLength(23);
  });
});

describe("a fingerprint", () => {
  it("is 32 hex digits, the same for the same text, and stays the same across versions", () => {
    expect(secret().fingerprint).toBe(fingerprintOf(KEY));
    expect(fingerprintOf("a text")).toBe("5e667adc127243c2b366f78505b04d97");
    expect(fingerprintOf(KEY)).toMatch(/^[0-9a-f]{32}$/);
  });

  it("differs from a plain digest, so that it cannot be looked up", async () => {
    const { createHash } = await import("node:crypto");
    expect(fingerprintOf(KEY)).not.toBe(createHash("sha256").update(KEY).digest("hex").slice(0, 32));
  });

  it("goes into a mark as its first 16 digits", () => {
    expect(markFingerprint(fingerprintOf(KEY))).toBe(fingerprintOf(KEY).slice(0, 16));
  });
});
