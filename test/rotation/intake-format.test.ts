import { describe, expect, it } from "vitest";
import { REFUSALS, type RefusalCode } from "../../src/rotation/codes.ts";
import { LONGEST_KEY, readPaste } from "../../src/rotation/intake-format.ts";
import { makeAdminKey, makeKey, makeOauthToken } from "../support/keys.ts";

const KEY = makeKey("paste");
const OTHER = makeKey("other");
const REFRESH = makeOauthToken("paste").replace("oat01", "ort01");
const PREFIX = KEY.slice(0, 13);

describe("a paste that is accepted", () => {
  it.each<[string, string]>([
    ["the key alone", KEY],
    ["with spaces and tabs around it", ` \t${KEY}  `],
    ["with a trailing newline, as `echo` and files have", `${KEY}\n`],
    ["with a Windows line end", `${KEY}\r\n`],
    ["with empty lines before and after", `\n\n${KEY}\n\n`],
    ["with a byte order mark, as some editors write", `\uFEFF${KEY}\n`],
    ["with a byte order mark and a space", `\uFEFF ${KEY}`],
    ["with non-breaking spaces, as copied from a page", `\u00A0${KEY}\u00A0`],
    ["of a later version of the prefix", KEY.replace("api03", "api04")],
    ["shorter than today's keys: only the prefix is promised", KEY.slice(0, 13 + 20)],
  ])("%s: the key, trimmed", (_, paste) => {
    const trimmed = paste.replace(/^\uFEFF/, "").trim();
    expect(readPaste(paste)).toEqual({ ok: true, text: trimmed });
    expect(trimmed).toMatch(/^sk-ant-api0\d-[A-Za-z0-9_-]{20,}$/);
  });
});

const REFUSED: [what: string, paste: string, reason: RefusalCode][] = [
  ["nothing", "", "empty"],
  ["only spaces and newlines", " \r\n\t ", "empty"],
  ["only a byte order mark", "\uFEFF", "empty"],
  ["two keys on two lines", `${KEY}\n${OTHER}`, "several_lines"],
  ["a key broken over two lines", `${KEY.slice(0, 60)}\n${KEY.slice(60)}`, "several_lines"],
  ["a key broken by a carriage return", `${KEY.slice(0, 60)}\r${KEY.slice(60)}`, "several_lines"],
  ["a whole dotenv file", `A=1\nANTHROPIC_API_KEY=${KEY}\n`, "several_lines"],
  ["formatted JSON", `{\n  "key": "${KEY}"\n}`, "several_lines"],
  ["two keys on one line", `${KEY} ${OTHER}`, "not_printable"],
  ["a space within", `${KEY.slice(0, 60)} ${KEY.slice(60)}`, "not_printable"],
  ["a zero-width space at the end", `${KEY}\u200B`, "not_printable"],
  ["a zero-width joiner within", `${KEY.slice(0, 50)}\u200D${KEY.slice(50)}`, "not_printable"],
  ["a soft hyphen within", `${KEY.slice(0, 50)}\u00AD${KEY.slice(50)}`, "not_printable"],
  ["a NUL at the end", `${KEY}\0`, "not_printable"],
  ["a NUL within", `${KEY.slice(0, 50)}\0${KEY.slice(50)}`, "not_printable"],
  ["an escape sequence of a terminal", `\u001B[200~${KEY}\u001B[201~`, "not_printable"],
  ["a Cyrillic letter that looks Latin", KEY.replace("sk-ant", "sk-\u0430nt"), "not_printable"],
  ["full-width letters", KEY.replace("sk-", "\uFF53\uFF4B-"), "not_printable"],
  ["a non-breaking hyphen", KEY.replace("-", "\u2011"), "not_printable"],
  ["ten kilobytes", KEY[20]?.repeat(10_240) ?? "", "too_long"],
  ["a key and ten kilobytes", KEY + "A".repeat(10_240), "too_long"],
  ["one character more than the longest", `${KEY}${"A".repeat(LONGEST_KEY - KEY.length + 1)}`, "too_long"],
  ["NAME=key", `ANTHROPIC_API_KEY=${KEY}`, "assignment"],
  ['NAME="key"', `ANTHROPIC_API_KEY="${KEY}"`, "assignment"],
  ["NAME = key", `ANTHROPIC_API_KEY = ${KEY}`, "assignment"],
  ["export NAME=key", `export ANTHROPIC_API_KEY=${KEY}`, "assignment"],
  ["name: key, as in YAML", `apiKey: ${KEY}`, "assignment"],
  ["straight quotes", `"${KEY}"`, "quoted"],
  ["apostrophes", `'${KEY}'`, "quoted"],
  ["backticks", `\`${KEY}\``, "quoted"],
  ["curly quotes", `\u201C${KEY}\u201D`, "quoted"],
  ["curly apostrophes", `\u2018${KEY}\u2019`, "quoted"],
  ["the Console's hint with three dots", `${KEY.slice(0, 16)}...${KEY.slice(-4)}`, "hint_pasted"],
  ["the hint with an ellipsis", `${KEY.slice(0, 16)}\u2026${KEY.slice(-4)}`, "hint_pasted"],
  ["a key's id", "apikey_01Rj2N8SVvo6BePZj99NhmiT", "key_id_pasted"],
  ["an Admin key", makeAdminKey("paste"), "admin_key"],
  ["an OAuth access token", makeOauthToken("paste"), "oauth_token"],
  ["an OAuth refresh token", REFRESH, "oauth_token"],
  ["JSON on one line", `{"key":"${KEY}"}`, "not_a_key"],
  ["the prefix alone", PREFIX, "not_a_key"],
  ["the prefix and 19 characters", KEY.slice(0, 13 + 19), "not_a_key"],
  ["a key without its first characters", KEY.slice(3), "not_a_key"],
  ["an upper-case prefix", KEY.replace("sk-ant", "SK-ANT"), "not_a_key"],
  ["a key with a sign at the end that no key has", `${KEY}.`, "not_a_key"],
  ["half a pair of quotes", `"${KEY}`, "not_a_key"],
  ["another vendor's key", `sk-proj-${KEY.slice(13)}`, "not_a_key"],
  ["a password", "hunter2", "not_a_key"],
];

describe("a paste that is refused, by name", () => {
  it.each(REFUSED)("%s", (_, paste, reason) => {
    expect(readPaste(paste)).toEqual({ ok: false, reason });
  });

  it.each(REFUSED.filter(([, paste]) => paste.trim().length > 8))(
    "P3: the answer to %s quotes nothing of it",
    (_, paste, reason) => {
      const answer = JSON.stringify(readPaste(paste)) + REFUSALS[reason];
      for (let i = 0; i + 8 <= Math.min(paste.length, 400); i++) {
        const part = paste.slice(i, i + 8);
        // The sentences may name what every key has in common.
        if (!KEY.slice(0, 13).includes(part) && !"apikey_…".includes(part)) expect(answer).not.toContain(part);
      }
    },
  );

  it("a shape that is too long is refused in no time, whatever it is made of", () => {
    for (const part of ["=", " ", '"', "A", "…", "\n"]) {
      const started = performance.now();
      readPaste(part.repeat(200_000) + KEY);
      expect(performance.now() - started).toBeLessThan(1000);
    }
  });
});
