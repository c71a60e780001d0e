import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const MODEL = "docs/threat-model.md";
const CREDENTIALS = "docs/own-credentials.md";
const DOCUMENTS = ["SECURITY.md", MODEL, "docs/trust.md", CREDENTIALS, "docs/policies/README.md"];
const STRIDE = [
  "Spoofing",
  "Tampering",
  "Repudiation",
  "Information disclosure",
  "Denial of service",
  "Elevation of privilege",
];
const read = (file: string): string => readFileSync(file, "utf8");

interface Named {
  file: string;
  titles: string[];
}
/** Tests as a page names them: `file`: “a part of a title”; “another”; `next file`: … */
function testsIn(text: string): Named[] {
  return text.split(/(?=`test\/)/).flatMap((part) => {
    const file = /^`(test\/[^`]+\.ts)`/.exec(part)?.[1];
    return file === undefined
      ? []
      : [{ file, titles: [...part.matchAll(/“([^”]+)”/g)].map(([, title]) => title ?? "") }];
  });
}

/** Every string of a test file that can be a title or a row of one, not its comments and not its imports. */
const strings = new Map<string, string[]>();
function stringsOf(file: string): string[] {
  const known = strings.get(file);
  if (known !== undefined) return known;
  const code = read(file)
    .split("\n")
    .filter((line) => !/^\s*(\/\/|\*|\/\*|import\b)/.test(line))
    .join("\n");
  const found = [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(
    ([, double, single, template]) => (double ?? single ?? template ?? "").replaceAll(/\\(.)/g, "$1"),
  );
  strings.set(file, found);
  return found;
}
/** What of it is not there. */
function missing({ file, titles }: Named): string[] {
  if (!existsSync(file)) return [file];
  return titles.filter((title) => !stringsOf(file).some((text) => text.includes(title)));
}

interface Row {
  id: string;
  where: string;
  tests: Named[];
  cells: number;
}
/** Rows of the tables whose first cell is an id; a pipe inside a row would break it, so cells are counted. */
function rows(prefix: "M" | "X"): Row[] {
  return read(MODEL)
    .split("\n")
    .flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const id = cells[1] ?? "";
      if (!new RegExp(`^${prefix}\\d+$`).test(id)) return [];
      return [{ id, where: cells[4] ?? "", tests: testsIn(cells[5] ?? ""), cells: cells.length - 2 }];
    });
}
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`);

describe("docs/threat-model.md", () => {
  const mitigations = rows("M");
  const residual = rows("X");

  it("has every letter of STRIDE, each with threats", () => {
    const sections = read(MODEL).split(/^## /m);
    for (const name of STRIDE)
      expect(
        sections.find((text) => text.startsWith(`${name}\n`)),
        name,
      ).toMatch(/\n\| M\d/);
  });

  it("numbers mitigations and residual risks without gaps", () => {
    expect(mitigations.map(({ id }) => id)).toEqual(numbered("M", mitigations.length));
    expect(residual.map(({ id }) => id)).toEqual(numbered("X", residual.length));
    expect(mitigations.length).toBeGreaterThan(50);
    expect([...new Set(mitigations.map(({ cells }) => cells))]).toEqual([5]);
    expect([...new Set(residual.map(({ cells }) => cells))]).toEqual([4]);
  });

  it.each(mitigations)("$id: names tests, and each is there by file and title", ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const test of tests) expect(test.titles, test.file).not.toEqual([]);
    expect(tests.flatMap(missing)).toEqual([]);
  });

  it.each(mitigations)("$id: what keeps it is there", ({ where }) => {
    const paths = [...where.matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? "");
    expect(paths).not.toEqual([]);
    // A file named without a folder lies in the folder of the one before it.
    let folder = "";
    for (const path of paths) {
      const full = path.includes("/") || existsSync(path) ? path : `${folder}${path}`;
      folder = full.slice(0, full.lastIndexOf("/") + 1);
      expect(globSync(full.replace(/\/$/, "")), full).not.toEqual([]);
    }
  });

  it.each([
    ["the one-time link without sign-in", /X\d+ \| without `signIn\.oidc` .*bearer/],
    ["cluster admins", /X\d+ \| cluster admins/],
    ["Slack admins", /X\d+ \| Slack admins/],
    ["API tokens that decide", /X\d+ \| the holder of an API token with `decide`/],
    ["e-mail addresses in the audit log", /X\d+ \| e-mail addresses .*audit log/],
    ["limits per process", /X\d+ \| limits on tries are per process/],
    ["the NetworkPolicy that is off", /X\d+ \| the chart's NetworkPolicy is off/],
    ["people who may create Jobs", /X\d+ \| whoever may create Jobs/],
    ["the log as the only evidence", /X\d+ \| without `audit\.persistence` the collected log/],
  ])("says openly what remains: %s", (_what, sentence) => expect(read(MODEL)).toMatch(sentence));
});

describe("docs/own-credentials.md", () => {
  interface Schema {
    pattern?: string;
    properties?: Record<string, Schema>;
    additionalProperties?: Schema | boolean;
    anyOf?: Schema[];
    items?: Schema;
  }
  /** Settings whose value is a reference to a secret. */
  function secrets(schema: Schema, path = ""): string[] {
    const under = Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
      secrets(each, path === "" ? name : `${path}.${name}`),
    );
    const named =
      typeof schema.additionalProperties === "object" ? secrets(schema.additionalProperties, `${path}.<name>`) : [];
    const nested = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
    const here = schema.pattern?.startsWith("^(env:") === true ? [path] : [];
    return [...new Set([...here, ...under, ...named, ...nested.flatMap((each) => secrets(each, path))])];
  }
  const settings = secrets(JSON.parse(read("config/keyturn.schema.json")) as Schema);
  const table = read(CREDENTIALS).split("## One of them leaked")[0] ?? "";
  const [, inKubernetes = ""] = table.split("## In Kubernetes");

  it.each(settings)("says how to replace %s", (setting) => expect(table).toContain(`| \`${setting}\``));

  it.each(settings)("says once whether a replaced %s needs a restart in Kubernetes", (setting) => {
    const rows = inKubernetes.split("\n\n1. ")[0]?.split("\n") ?? [];
    expect(rows.filter((row) => row.includes(`\`${setting}\``))).toHaveLength(1);
  });

  // An address of Redis may be one or hold one; the chart looks at it by itself.
  it.each(settings.filter((setting) => setting !== "redis.url"))(
    "the chart refuses a %s that is no reference",
    (setting) => {
      const written =
        /\$isSecret := "([^"]+)"/.exec(read("helm/keyturn/templates/_validate-references.tpl"))?.[1] ?? "";
      expect(`config.${setting.replace("<name>", "x")}`).toMatch(new RegExp(written.replaceAll("\\\\", "\\")));
    },
  );

  it("knows the secrets of the configuration", () => {
    expect(settings.length).toBeGreaterThan(8);
    expect(settings).toContain("api.tokens.<name>.token");
  });

  it("names tests that are there", () => {
    const tests = testsIn(read(CREDENTIALS));
    expect(tests.length).toBeGreaterThan(4);
    expect(tests.flatMap(missing)).toEqual([]);
  });
});

describe("the security documents", () => {
  it.each(DOCUMENTS)("%s: every link leads to a file, and to a heading in it", (document) => {
    const links = [...read(document).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link]) => link ?? "");
    expect(links).not.toEqual([]);
    for (const link of links) {
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? document : normalize(join(dirname(document), path));
      expect(existsSync(file), link).toBe(true);
      if (anchor === undefined) continue;
      const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
        (text ?? "")
          .toLowerCase()
          .replaceAll(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
      expect(headings, link).toContain(anchor);
    }
  });

  it.each(DOCUMENTS)("%s: every command that it names is there", (document) => {
    // Some are two words, such as `audit verify`.
    const commands = new Set(
      globSync("src/cli/commands/*.ts").flatMap((file) => stringsOf(file).map((text) => text.split(" ")[0] ?? "")),
    );
    const named = [...read(document).matchAll(/`keyturn ([a-z][a-z-]*)/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => !commands.has(name))).toEqual([]);
  });
});
