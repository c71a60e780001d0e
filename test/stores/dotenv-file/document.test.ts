import { parseEnv } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definitions, readVariable, replaceVariable } from "../../../src/stores/dotenv-file/document.ts";

const KEY = "ANTHROPIC_API_KEY";

describe("one value is replaced and every other character stays", () => {
  it.each([
    { when: "a plain line", before: `${KEY}=old\n`, after: `${KEY}=new\n` },
    { when: "no final newline", before: `A=1\n${KEY}=old`, after: `A=1\n${KEY}=new` },
    { when: "Windows line ends", before: `A=1\r\n${KEY}=old\r\nB=2\r\n`, after: `A=1\r\n${KEY}=new\r\nB=2\r\n` },
    { when: "double quotes", before: `${KEY}="old"\n`, after: `${KEY}="new"\n` },
    { when: "single quotes and a comment", before: `${KEY}='old' # by ops\n`, after: `${KEY}='new' # by ops\n` },
    { when: "a comment after a plain value", before: `${KEY}=old # by ops\n`, after: `${KEY}=new # by ops\n` },
    { when: "`export` and odd spaces", before: `  export  ${KEY} =  old  \n`, after: `  export  ${KEY} =  new  \n` },
    {
      when: "two definitions: the last, which readers use",
      before: `${KEY}=first\n${KEY}=old\n`,
      after: `${KEY}=first\n${KEY}=new\n`,
    },
    {
      when: "a line of that name in a comment",
      before: `#${KEY}=no\n${KEY}=old\n#${KEY}=no\n`,
      after: `#${KEY}=no\n${KEY}=new\n#${KEY}=no\n`,
    },
    {
      when: "a line of that name inside another's quotes",
      before: `${KEY}=old\nT="a\n${KEY}=no\n"\n`,
      after: `${KEY}=new\nT="a\n${KEY}=no\n"\n`,
    },
    {
      when: "a longer name with the same end",
      before: `MY_${KEY}=no\n${KEY}=old\n`,
      after: `MY_${KEY}=no\n${KEY}=new\n`,
    },
  ])("$when", ({ before, after }) => {
    expect(readVariable(before, KEY)).toBe("old");
    expect(replaceVariable(before, KEY, "new")).toBe(after);
    expect(parseEnv(after)[KEY]).toBe("new");
  });

  it("in any file that Node reads the way we do, and only there", () => {
    const name = fc.constantFrom(KEY, "A", "B_2", "MY_KEY");
    const value = fc.string({ unit: fc.constantFrom("a", "b", "=", "'", '"', "#", " ", "\\", "$"), maxLength: 8 });
    const line = fc.oneof(
      fc
        .tuple(fc.constantFrom("", "export ", "  "), name, fc.constantFrom("", "'", '"', "`"), value)
        .map(([x, n, q, v]) => `${x}${n}=${q}${v}${q}`),
      fc.constantFrom("", "# comment", `# ${KEY}=x`, "not a line"),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), fc.boolean(), (lines, end, last) => {
        const text = lines.join(end) + (last ? end : "");
        let changed: string;
        try {
          changed = replaceVariable(text, KEY, "new");
        } catch (error) {
          expect(["STORE_MISSING", "STORE_CONFLICT"]).toContain((error as { code?: string }).code);
          return;
        }
        expect({ ...parseEnv(changed) }).toEqual({ ...parseEnv(text), [KEY]: "new" });
        const old = readVariable(text, KEY) ?? "";
        expect(changed.length - text.length).toBe("new".length - old.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("refuses", () => {
  it.each(["a b", "a'b", 'a"b', "a#b", "a$b", "a\\b", "a\nB=c", ""])(
    "the value %j, which readers take differently",
    (value) => {
      expect(() => replaceVariable(`${KEY}=old\n`, KEY, value)).toThrow(
        expect.objectContaining({ code: "STORE_CONFLICT" }),
      );
    },
  );
  it("a variable that is missing or empty", () => {
    for (const text of ["", "A=1\n", `${KEY}=\n`, `${KEY}=""\n`]) {
      expect(readVariable(text, KEY)).toBe(null);
      expect(() => replaceVariable(text, KEY, "new")).toThrow(expect.objectContaining({ code: "STORE_MISSING" }));
    }
  });
  it("a file in which Node sees another value: an empty line before it that Node runs together", () => {
    const text = `A=  \n${KEY}=old\n`;
    expect(parseEnv(text)[KEY]).toBe(undefined);
    expect(() => readVariable(text, KEY)).toThrow(expect.objectContaining({ code: "STORE_CONFLICT" }));
  });
});

it("definitions tell where a quoted value that spans lines ends", () => {
  expect(definitions(`A="1\n2"\nB=3`).map(({ name, value, from, to }) => ({ name, value, from, to }))).toEqual([
    { name: "A", value: "1\n2", from: 0, to: 8 },
    { name: "B", value: "3", from: 8, to: 11 },
  ]);
});
