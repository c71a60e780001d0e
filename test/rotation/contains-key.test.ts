import { describe, expect, it } from "vitest";
import { containsKey, refuseKey } from "../../src/rotation/contains-key.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { hintOf } from "../../src/rotation/secret.ts";
import { makeAdminKey, makeKey, makeOauthToken } from "../support/keys.ts";

const key = makeKey("contains");
const everyByte = [...Buffer.from(key)].map((byte) => `%${byte.toString(16)}`).join("");

describe("a key in a text that a person typed is noticed", () => {
  it.each([
    { what: "an API key", text: key },
    { what: "an Admin key", text: makeAdminKey("contains") },
    { what: "an OAuth token", text: makeOauthToken("contains") },
    { what: "a Slack bot token", text: ["xoxb", "1234567890", "abcdefgh"].join("-") },
    { what: "a Slack app token", text: ["xapp", "1", "A1234567890"].join("-") },
    { what: "a webhook secret", text: ["whsec", "MfKQ9r8GKYqrTwjU"].join("_") },
    { what: "the first 20 characters", text: key.slice(0, 20) },
    { what: "a key among words", text: `it leaked: "${key}", sorry` },
    { what: "a key in capitals", text: key.toUpperCase() },
    { what: "a key in an address", text: `/rotations/${encodeURIComponent(key)}?x=1` },
    { what: "a key of which every byte is percent-encoded, with a stray % before", text: `/a%zz/${everyByte}` },
  ])("$what", ({ text }) => {
    expect(containsKey(text)).toBe(true);
    try {
      refuseKey("The reason", text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(KeyturnError);
      expect(error).toMatchObject({ code: "USAGE", reason: "key_in_text" });
      expect(String((error as Error).stack)).not.toContain(text);
    }
  });

  it.each([
    { what: "a hint", text: `the key ${hintOf(key)}` },
    { what: "a key's id", text: "apikey_01Rj2N8SVvo6BePZj99NhmiT" },
    { what: "the prefix alone", text: "keys start with sk-ant-api03-" },
    { what: "a target", text: "rule:files/billing.env#ANTHROPIC_API_KEY" },
    { what: "words", text: "100% sure that it leaked" },
    { what: "nothing", text: "" },
  ])("but not $what", ({ text }) => {
    expect(containsKey(text)).toBe(false);
    expect(() => refuseKey("The reason", text)).not.toThrow();
  });

  it("where nothing was said there is no key", () => {
    expect(() => refuseKey("The reason", null)).not.toThrow();
  });
});
