import { describe, expect, it } from "vitest";
import { refuse } from "../../../src/app/intake/refusal.ts";
import { ASIDE, LINK_CLOSED, refusalSentence, troubleSentence } from "../../../src/http/intake/sentences.ts";
import { REFUSALS, type RefusalCode } from "../../../src/rotation/codes.ts";
import { ERRORS, type ErrorCode, KeyturnError, asKeyturnError } from "../../../src/rotation/errors.ts";
import type { Drive } from "../../support/drive.ts";
import { DAY } from "../../support/drive.ts";
import { drives } from "../../support/drives.ts";
import { makeAdminKey, makeKey, makeOauthToken } from "../../support/keys.ts";
import { visit, waiting } from "./kit.ts";

const CODES = Object.keys(REFUSALS) as RefusalCode[];
/** Words of the command line, which mean nothing to a person on a page. */
const COMMAND_LINE = /--|\bkeyturn \w|\bstdin\b|\bpipe\b|\bflag\b|<rotation>|\b[Ss]ubmit\b/;

function errorOf(code: RefusalCode, detail?: string): KeyturnError {
  try {
    return refuse(code, detail);
  } catch (error) {
    return asKeyturnError(error);
  }
}

describe("sentences of the page", () => {
  it.each(CODES)("%s: says what is wrong and what to do, in words of the page", (code) => {
    const { say, next, choice, keep } = refusalSentence(errorOf(code));
    expect(say).toBe(REFUSALS[code]);
    for (const text of [say, next]) expect(text).not.toMatch(COMMAND_LINE);
    expect(next).toMatch(/^[A-Z].{15,}\.$/);
    // A choice is made for the key that is in the field.
    if (choice !== undefined) expect(keep).toBe(true);
  });

  it("names of the detail are kept: which workspace, which date", () => {
    expect(refusalSentence(errorOf("wrong_workspace", "It belongs to wrkspc_2; wrkspc_1 is needed.")).say).toBe(
      "The key belongs to another workspace. It belongs to wrkspc_2; wrkspc_1 is needed.",
    );
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])("%s: trouble has a sentence, never the error's own text", (code) => {
    const { say, next } = troubleSentence(new KeyturnError(code, "canary-detail", { next: "canary-next" }));
    for (const text of [say, next]) {
      expect(text).not.toMatch(COMMAND_LINE);
      expect(text).not.toContain("canary");
      expect(text).toMatch(/^[A-Z].{10,}\.$/);
    }
  });

  it.each([
    { code: "WRONG_STATE", reason: "state_behind", says: /storage had lost/ },
    { code: "STORE_CONFLICT", reason: "destination_changed", says: /changed by somebody else/ },
  ] as const)("$reason: said as what it is, and the key stays in its field", ({ code, reason, says }) => {
    const { say, next, keep } = troubleSentence(new KeyturnError(code, "canary", { reason }));
    expect([say, keep]).toEqual([expect.stringMatching(says), true]);
    for (const text of [say, next]) expect(text).not.toMatch(COMMAND_LINE);
  });

  it.each(Object.entries({ ...LINK_CLOSED, ...ASIDE }))("%s: a sentence and what to do", (_, { say, next }) => {
    for (const text of [say, next]) {
      expect(text).not.toMatch(COMMAND_LINE);
      expect(text).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe("what the page answers to each wrong paste", () => {
  const start = drives();
  const cases: { paste: string; code: RefusalCode; make: (d: Drive) => Promise<string>; says: RegExp }[] = [
    { paste: "nothing", code: "empty", make: async () => "  \n", says: /Nothing/ },
    {
      paste: "two lines",
      code: "several_lines",
      make: async () => `${makeKey("a")}\n${makeKey("b")}`,
      says: /one line/,
    },
    { paste: "accents", code: "not_printable", make: async () => `${makeKey("a")}é`, says: /no key has/ },
    { paste: "a page of text", code: "too_long", make: async () => "x".repeat(900), says: /longer than a key/ },
    { paste: "an assignment", code: "assignment", make: async () => `API_KEY=${makeKey("a")}`, says: /assignment/ },
    { paste: "quotes", code: "quoted", make: async () => `"${makeKey("a")}"`, says: /quotation marks/ },
    {
      paste: "a hint",
      code: "hint_pasted",
      make: async () => `${makeKey("a").slice(0, 16)}...${"x".repeat(4)}`,
      says: /hint/,
    },
    { paste: "a key id", code: "key_id_pasted", make: async () => "apikey_01Example", says: /key id/ },
    { paste: "an Admin key", code: "admin_key", make: async () => makeAdminKey("a"), says: /This is an Admin key/ },
    { paste: "an OAuth token", code: "oauth_token", make: async () => makeOauthToken("a"), says: /OAuth/ },
    { paste: "something else", code: "not_a_key", make: async () => "correct-horse", says: /does not look like/ },
    {
      paste: "the outgoing key",
      code: "outgoing_key",
      make: async (d) => d.keys["billing"]?.secret ?? "",
      says: /^This is the key being replaced\.$/,
    },
    {
      paste: "a stranger's key",
      code: "unknown_key",
      make: async () => makeKey("stranger"),
      says: /No key of the org/,
    },
    {
      paste: "a disabled key",
      code: "key_not_active",
      make: async (d) => (await d.console.seedKey({ name: "off", status: "inactive" })).secret,
      says: /off \(apikey_\w+\) is inactive/,
    },
    {
      paste: "an older key",
      code: "key_older",
      make: async (d) => (await d.console.seedKey({ name: "old", ageDays: 400 })).secret,
      says: /old was created/,
    },
    {
      paste: "a key that soon expires",
      code: "expires_too_soon",
      make: async (d) => (await d.make({ expiresInMs: DAY })).secret,
      says: /It expires .* or later is needed/,
    },
  ];

  it.each(cases)("$paste: $code", async ({ code, make, says }) => {
    const d = await start();
    const { token } = await waiting(d);
    const v = await visit(d.deps);
    try {
      const pasted = await make(d);
      const asked = await v.hand(token, pasted);
      expect([asked.status, asked.says["code"], asked.says["attemptsLeft"]]).toEqual([422, code, 4]);
      expect(asked.says.say).toMatch(says);
      if (pasted.trim().length > 20) expect(asked.text).not.toContain(pasted.trim().slice(0, 20));
      // The link goes on, and the person is not alone with the first slip.
      expect((await v.hand(token, (await d.make()).secret)).says.state).toBe("accepted");
    } finally {
      await v.close();
    }
  });

  it("a date that is too early can be accepted on the page", async () => {
    const d = await start();
    const { id, token } = await waiting(d);
    const v = await visit(d.deps);
    try {
      const key = await d.make({ expiresInMs: DAY });
      expect((await v.hand(token, key.secret)).says).toMatchObject({ choice: "acceptExpiry", keep: true });
      const asked = await v.hand(token, key.secret, { acceptExpiry: true });
      expect(asked.says).toMatchObject({ ok: true });
      expect(asked.says["warnings"]).toEqual([expect.stringContaining("expires")]);
      expect((await d.load(id)).acceptExpiry).toBe(true);
    } finally {
      await v.close();
    }
  });
});
