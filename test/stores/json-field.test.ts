import { describe, expect, it } from "vitest";
import { differsOnlyInField, readField, replaceField } from "../../src/stores/json-field.ts";

const error = (fn: () => unknown): unknown => {
  try {
    return fn();
  } catch (thrown) {
    return thrown;
  }
};

describe("P9: one field of a JSON document is replaced and nothing else", () => {
  const doc =
    '{\n  "z": 12345678901234567890, "KEY" : "old" ,\n\t"a": {"KEY": "inner", "b": [1.0, "}"]}, "é": "\\u00e9"\n}\n';

  it("keeps large numbers, key order, nested fields of the same name, escapes and white space", () => {
    expect(replaceField(doc, "KEY", "new")).toBe(doc.replace('"old"', '"new"'));
  });
  it("escapes the value", () => expect(readField(replaceField(doc, "KEY", 'a"b\\'), "KEY")).toBe('a"b\\'));
  it("finds a key that is written with an escape", () => expect(readField('{"K\\u0045Y":"v"}', "KEY")).toBe("v"));
  it("finds a key named __proto__", () => expect(readField('{"__proto__":"v"}', "__proto__")).toBe("v"));
  it("replaces with text that looks like a replacement pattern", () => {
    expect(replaceField('{"k":"v"}', "k", "$&$1")).toBe('{"k":"$&$1"}');
  });

  it.each([
    { doc: '{"a":"v"}', field: "a", value: "v" },
    { doc: ' { "a" : "v" } ', field: "a", value: "v" },
    { doc: '{"b":[],"a":"v","c":{}}', field: "a", value: "v" },
    { doc: '{"b":"\\"a\\":","a":"v"}', field: "a", value: "v" },
    { doc: "{}", field: "a", value: null },
    { doc: '{"a":""}', field: "a", value: null },
    { doc: '{"a":null}', field: "a", value: null },
    { doc: '{"x":{"a":"v"}}', field: "a", value: null },
  ])("$field of $doc is $value", (row) => expect(readField(row.doc, row.field)).toBe(row.value));

  it.each([
    "not json: hunter2",
    '["hunter2"]',
    '"hunter2"',
    "null",
    '{"a":"hunter2","a":"x"}',
    '{"a":["hunter2"]}',
    '{"a":1}',
    "",
  ])("%j is refused without quoting it", (bad) => {
    const thrown = error(() => readField(bad, "a"));
    expect(thrown).toMatchObject({ code: "STORE_CONFLICT" });
    expect(String(thrown)).not.toContain("hunter2");
    expect(error(() => replaceField(bad, "a", "v"))).toMatchObject({ code: "STORE_CONFLICT" });
  });
  it("a field that is not there is missing, not added", () => {
    expect(error(() => replaceField('{"b":"v"}', "a", "v"))).toMatchObject({ code: "STORE_MISSING" });
  });
});

describe("two documents differ in one field only", () => {
  it.each([
    { b: '{"a":"2","n":1e3}', same: true, when: "the field differs" },
    { b: '{ "n" : 1e3, "a":"1" }', same: true, when: "order and white space differ" },
    { b: '{"n":1e3}', same: true, when: "the field is missing" },
    { b: '{"a":"1","n":1000}', same: false, when: "another value is written differently" },
    { b: '{"a":"1"}', same: false, when: "another field is missing" },
    { b: '{"a":"1","n":1e3,"x":1}', same: false, when: "another field is added" },
  ])("$same when $when", ({ b, same }) => expect(differsOnlyInField('{"a":"1","n":1e3}', b, "a")).toBe(same));
});
