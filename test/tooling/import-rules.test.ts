import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** One import each: from a file, of a specifier, with the verdict of design section 8. */
const CASES: readonly { from: string; imports: string; allowed: boolean }[] = [
  { from: "src/rotation/a.ts", imports: "./b.ts", allowed: true },
  { from: "src/rotation/a.ts", imports: "node:crypto", allowed: true },
  { from: "src/rotation/a.ts", imports: "../ports/clock.ts", allowed: false },
  { from: "src/rotation/a.ts", imports: "../app/advance.ts", allowed: false },
  { from: "src/rotation/a.ts", imports: "node:fs", allowed: false },
  { from: "src/rotation/a.ts", imports: "ioredis", allowed: false },
  { from: "src/ports/a.ts", imports: "../rotation/record.ts", allowed: true },
  { from: "src/ports/a.ts", imports: "../app/advance.ts", allowed: false },
  { from: "src/ports/a.ts", imports: "../redis/keys.ts", allowed: false },
  { from: "src/app/a.ts", imports: "../ports/clock.ts", allowed: true },
  { from: "src/app/a.ts", imports: "../rotation/record.ts", allowed: true },
  { from: "src/app/a.ts", imports: "../redis/keys.ts", allowed: false },
  { from: "src/app/a.ts", imports: "../stores/index.ts", allowed: false },
  { from: "src/app/a.ts", imports: "../cli/main.ts", allowed: false },
  { from: "src/app/a.ts", imports: "../compose.ts", allowed: false },
  { from: "src/app/a.ts", imports: "../../config/schema.ts", allowed: false },
  { from: "src/app/a.ts", imports: "bullmq", allowed: false },
  { from: "src/app/effects/a.ts", imports: "../deps.ts", allowed: true },
  { from: "src/app/effects/a.ts", imports: "../../ports/clock.ts", allowed: true },
  { from: "src/app/effects/a.ts", imports: "../../anthropic/http.ts", allowed: false },
  ...["stores", "anthropic", "redis", "audit", "slack", "kubernetes", "notify", "schedule", "metrics"].flatMap(
    (adapter) => [
      { from: `src/${adapter}/a.ts`, imports: "../ports/clock.ts", allowed: true },
      { from: `src/${adapter}/a.ts`, imports: "../rotation/errors.ts", allowed: true },
      { from: `src/${adapter}/a.ts`, imports: "../app/advance.ts", allowed: false },
      { from: `src/${adapter}/a.ts`, imports: adapter === "redis" ? "../audit/x.ts" : "../redis/x.ts", allowed: false },
      { from: `src/${adapter}/deep/a.ts`, imports: "../b.ts", allowed: true },
      { from: `src/${adapter}/deep/a.ts`, imports: "../../app/advance.ts", allowed: false },
      { from: `src/${adapter}/deep/a.ts`, imports: "../../http/server.ts", allowed: false },
    ],
  ),
  { from: "src/sandbox/a.ts", imports: "../anthropic/http.ts", allowed: false },
  { from: "src/http/a.ts", imports: "../app/advance.ts", allowed: true },
  { from: "src/http/a.ts", imports: "../redis/keys.ts", allowed: false },
  { from: "src/http/a.ts", imports: "../cli/main.ts", allowed: false },
  { from: "src/http/routes/a.ts", imports: "../../slack/x.ts", allowed: false },
  { from: "src/cli/a.ts", imports: "../app/advance.ts", allowed: true },
  { from: "src/cli/a.ts", imports: "../compose.ts", allowed: true },
  { from: "src/cli/a.ts", imports: "../../config/load.ts", allowed: true },
  { from: "src/cli/a.ts", imports: "../../package.json", allowed: true },
  { from: "src/cli/a.ts", imports: "../redis/keys.ts", allowed: false },
  { from: "src/cli/commands/a.ts", imports: "../../stores/index.ts", allowed: false },
  { from: "workers/a.ts", imports: "../src/app/advance.ts", allowed: true },
  { from: "workers/a.ts", imports: "../src/redis/keys.ts", allowed: false },
  { from: "config/a.ts", imports: "../src/stores/index.ts", allowed: true },
  { from: "config/a.ts", imports: "../src/app/advance.ts", allowed: false },
  { from: "src/compose.ts", imports: "./redis/keys.ts", allowed: true },
  { from: "src/compose.ts", imports: "../test/support/keys.ts", allowed: false },
];
const WAYS = [
  (specifier: string) => `export { x } from "${specifier}";\n`,
  (specifier: string) => `import type { X } from "${specifier}";\nexport type Y = X;\n`,
  (specifier: string) => `export const x = () => import("${specifier}");\n`,
];

/** Each case has a file of its own name, so that one run of the linter answers for all of them. */
const fileOf = (index: number, way: number): string =>
  join(dirname(CASES[index]?.from ?? ""), `case-${index}-${way}.ts`);

describe("the linter enforces who may import whom", () => {
  let folder: string;
  let reported: Set<string>;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "keyturn-imports-"));
    // The fixtures have no tsconfig: without type information, but with every rule and override of ours.
    const config = readFileSync(".oxlintrc.json", "utf8").replace('"typeAware": true', '"typeAware": false');
    writeFileSync(join(folder, ".oxlintrc.json"), config);
    for (const [index, { imports }] of CASES.entries()) {
      for (const [way, write] of WAYS.entries()) {
        const file = join(folder, fileOf(index, way));
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, write(imports));
      }
    }
    reported = lint(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(CASES.map((each, index) => ({ ...each, index })))(
    "$from importing $imports: allowed $allowed",
    ({ index, allowed }) => {
      const verdicts = WAYS.map((_, way) => !reported.has(fileOf(index, way)));
      expect(verdicts).toEqual([allowed, allowed, allowed]);
    },
  );
});

/** Files with a finding of `no-restricted-imports`; the linter's exit code is 1 whenever there is any. */
function lint(folder: string): Set<string> {
  const oxlint = join(process.cwd(), "node_modules", ".bin", "oxlint");
  let output: string;
  try {
    output = execFileSync(oxlint, ["-f", "json"], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  const { diagnostics } = JSON.parse(output) as { diagnostics: { code: string; filename: string }[] };
  return new Set(
    diagnostics.filter((each) => each.code.includes("no-restricted-imports")).map((each) => each.filename),
  );
}
