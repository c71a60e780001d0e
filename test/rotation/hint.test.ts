import { describe, expect, it } from "vitest";
import { hintOf, sameHint } from "../../src/rotation/secret.ts";
import { makeKey } from "../support/keys.ts";

const api03 = "sk-ant-api03-Qz7...wQAA";

describe("R11: two hints name the same key", () => {
  it.each<{ a: string | null; b: string | null; same: boolean; why: string }>([
    { a: api03, b: api03, same: true, why: "equal" },
    { a: api03, b: "sk-ant-api03-Qz7…wQAA", same: true, why: "`…` counts as `...`" },
    { a: api03, b: "sk-ant-Qz7...wQAA", same: true, why: "one side lacks the apiNN prefix" },
    { a: api03, b: "Qz7...wQAA", same: true, why: "one side lacks the prefix altogether" },
    { a: "Qz7…wQAA", b: "sk-ant-Qz7...wQAA", same: true, why: "both lack it" },
    { a: api03, b: "sk-ant-api04-Qz7...wQAA", same: false, why: "both have it and it differs" },
    { a: api03, b: "sk-ant-admin01-Qz7...wQAA", same: false, why: "an Admin key" },
    { a: api03, b: "sk-ant-api03-Qz8...wQAA", same: false, why: "the front differs" },
    { a: api03, b: "sk-ant-api03-Qz7...wQAB", same: false, why: "the end differs" },
    { a: api03, b: "sk-ant-api03-qz7...wQAA", same: false, why: "upper and lower case differ" },
    { a: api03, b: "sk-ant-api03-Qz7....wQAA", same: false, why: "not the form" },
    { a: api03, b: "Qz7...wQA", same: false, why: "a part is no match" },
    { a: null, b: api03, same: false, why: "null matches nothing" },
    { a: null, b: null, same: false, why: "null does not even match null" },
    { a: "", b: "", same: false, why: "an empty hint says nothing" },
    { a: "…", b: "…", same: false, why: "the hint of a short text says nothing" },
    { a: "...", b: "…", same: false, why: "nor does it in dots" },
    { a: "sk-ant-api03-...", b: "sk-ant-api03-…", same: false, why: "nor does a prefix alone" },
  ])("$a and $b: $same, $why", ({ a, b, same }) => {
    expect(sameHint(a, b)).toBe(same);
    expect(sameHint(b, a)).toBe(same);
  });

  it("our own hint of a key matches the Admin API's", () => {
    const key = makeKey("hint");
    expect(sameHint(hintOf(key), `sk-ant-api03-${key.slice(13, 16)}...${key.slice(-4)}`)).toBe(true);
  });
});
