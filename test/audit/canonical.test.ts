import canonicalize from "canonicalize";
import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalText } from "../../src/audit/canonical.ts";

it("writes the same canonical JSON as the library, whatever the names, numbers and strings", () => {
  const data = fc.dictionary(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.integer().map(String),
      fc.constantFrom("__proto__", "toJSON", "10", "9", "é", "z"),
    ),
    fc.jsonValue({ stringUnit: "binary" }),
  );
  fc.assert(
    fc.property(data, (value) => {
      expect(canonicalText(value)).toBe(canonicalize(value));
    }),
    { numRuns: 300 },
  );
});

it.each([
  ["a lone surrogate", { text: "\ud800" }],
  ["a lone surrogate in a name", { "\udfff": 1 }],
])("refuses %s like the library", (_what, value) => {
  expect(() => canonicalize(value)).toThrow(/surrogate/i);
  expect(() => canonicalText(value)).toThrow(/surrogate/i);
});

it("takes an escaped backslash for what it is", () => {
  const value = { path: "C:\\ud800", "\\ud8": "\\udfff" };
  expect(canonicalText(value)).toBe(canonicalize(value));
});
