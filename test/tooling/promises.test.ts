import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = join(ROOT, "docs/promises.md");
const IDS = [
  ...Array.from({ length: 12 }, (_, n) => `P${n + 1}`),
  ...Array.from({ length: 24 }, (_, n) => `R${n + 1}`),
];
/** So many files are named in a row; `git grep` finds the rest. */
const NAMED = 4;

/** A title of a suite, a test or a case: the id stands in a string, by itself or within `P1–P7`, not only in a comment. */
const names = (text: string, id: string): boolean =>
  text
    .split("\n")
    .some(
      (line) =>
        !/^\s*(\/\/|\*|\/\*)/.test(line) && (new RegExp(`["'\`][^"'\`]*\\b${id}\\b`).test(line) || isWithin(line, id)),
    );
const isWithin = (line: string, id: string): boolean =>
  [...line.matchAll(/(?<=["'`][^"'`]*)\b([PR])(\d+)–\1(\d+)\b/g)].some(
    ([, letter, from, to]) =>
      letter === id[0] && Number(from) <= Number(id.slice(1)) && Number(id.slice(1)) <= Number(to),
  );

const tests = globSync("test/**/*.{test,contract}.ts", { cwd: ROOT })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file !== "test/tooling/promises.test.ts")
  .toSorted()
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));
const testsOf = (id: string): string[] => tests.filter(({ text }) => names(text, id)).map(({ file }) => file);

/** The suites that attack a promise as a whole come first. */
const weight = (file: string): number =>
  Number(/^test\/(chaos|crash|upgrade)\//.test(file) || file.startsWith("test/redis/lost-writes"));
const byWeight = (files: readonly string[]): string[] => files.toSorted((a, b) => weight(b) - weight(a));

interface Row {
  id: string;
  line: string;
  where: string[];
  files: string[];
}
function rows(): Row[] {
  return readFileSync(PAGE, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, id, , where, files] = line.split("|").map((cell) => cell.trim());
      if (id === undefined || !/^[PR]\d+$/.test(id)) return [];
      const quoted = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
      return [{ id, line, where: quoted(where), files: quoted(files) }];
    });
}

if (process.env["UPDATE_PROMISES"] === "1") {
  let page = readFileSync(PAGE, "utf8");
  for (const { id, line } of rows()) {
    const shown = byWeight(testsOf(id))
      .slice(0, NAMED)
      .map((file) => `\`${file}\``);
    page = page.replace(line, [...line.split("|").slice(0, 4), ` ${shown.join(", ")} `, ""].join("|"));
  }
  writeFileSync(PAGE, page);
}

describe("docs/promises.md", () => {
  it("has a row for every promise and every rule", () => {
    expect(rows().map((row) => row.id)).toEqual(IDS);
  });

  it.each(IDS)("%s has tests named after it", (id) => {
    expect(testsOf(id).length).toBeGreaterThan(0);
  });

  it.each(rows().map((row) => [row.id, row.files] as const))(
    "%s: the tests in its row are there and name it",
    (id, files) => {
      expect(files.length).toBeGreaterThan(0);
      expect(files.filter((file) => !testsOf(id).includes(file))).toEqual([]);
    },
  );

  it.each(rows().map((row) => [row.id, row.where] as const))("%s: the code in its row is there", (_id, where) => {
    // A file named without a folder lies in the folder of the one before it.
    let folder = "";
    for (const path of where) {
      const full = path.includes("/") ? path : `${folder}${path}`;
      folder = full.slice(0, full.lastIndexOf("/") + 1);
      expect(globSync(full.replace(/\/$/, ""), { cwd: ROOT })).not.toEqual([]);
    }
  });
});
