import { describe, expect, it } from "vitest";
import { apiTokens } from "../../../src/http/api-tokens.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { SecretText } from "../../../src/rotation/secret.ts";

const token = (name: string, text: string | null) => ({
  name,
  scopes: ["read"] as const,
  read: () => {
    if (text === null) throw new KeyturnError("CONFIG_INVALID", "gone");
    return SecretText.from(text);
  },
});
const [long, other] = ["a".repeat(32), "b".repeat(32)];

describe("tokens of the HTTP API", () => {
  it("the holder is found by the whole text alone", () => {
    const tokens = apiTokens([token("one", long), token("two", other)]);
    expect(tokens.holderOf(other)).toEqual({ name: "two", scopes: ["read"] });
    for (const text of ["", "a".repeat(31), "a".repeat(33), "one"]) expect(tokens.holderOf(text)).toBeNull();
  });

  it.each([
    { what: "31 characters", given: [token("ci", "c".repeat(31))], says: "api.tokens.ci.token: has fewer than 32" },
    {
      what: "two names for one token",
      given: [token("one", long), token("ci", long)],
      says: "the same as that of one",
    },
    { what: "no source", given: [token("ci", null)], says: "gone" },
  ])("$what is refused at the start and not quoted", ({ given, says }) => {
    const start = () => apiTokens(given);
    expect(start).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    expect(start).toThrow(says);
    expect(start).not.toThrow(long);
  });

  it("a token whose source goes away later lets nobody in, and leaves the others alone", () => {
    let text: string | null = long;
    const going = { ...token("one", long), read: () => token("one", text).read() };
    const tokens = apiTokens([going, token("two", other)]);
    text = null;
    expect(tokens.holderOf(long)).toBeNull();
    expect(tokens.holderOf(other)?.name).toBe("two");
  });
});
