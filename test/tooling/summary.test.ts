import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  NOTHING,
  type Tally,
  add,
  failedFilesOnceMore,
  firstLine,
  onceMore,
  readReport,
  summaryOf,
} from "../../scripts/lib/report.ts";

const test = (fullName: string, status: string, ...failureMessages: string[]) => ({
  fullName,
  status,
  failureMessages,
});
const file = (name: string, assertionResults: object[], more: object = {}) => ({
  name: `/repository/${name}`,
  status: "passed",
  assertionResults,
  ...more,
});
const report = (...testResults: object[]): string => JSON.stringify({ numPassedTests: 1, testResults });
const read = (text: string | null): Tally => readReport(text, "tests", "/repository");
const failed = (...names: string[]): Tally => ({
  ...NOTHING,
  failed: names.length,
  failures: names.map((name) => ({ test: name, why: "no" })),
});

describe("the summary of a test run", () => {
  it.each([
    {
      when: "one file, steady the second time",
      first: ["a.test.ts > x"],
      second: [],
      passed: 10,
      unsteady: 1,
      again: 1,
    },
    {
      when: "one file, failing again",
      first: ["a.test.ts > x"],
      second: ["a.test.ts > x"],
      passed: 9,
      unsteady: 0,
      again: 1,
    },
    {
      when: "one file, failing elsewhere",
      first: ["a.test.ts > x"],
      second: ["a.test.ts > y", "a.test.ts > z"],
      passed: 8,
      unsteady: 1,
      again: 1,
    },
    {
      when: "four files",
      first: ["a", "b", "c", "d"].map((f) => `${f}.test.ts > x`),
      second: [],
      passed: 9,
      unsteady: 0,
      again: 0,
    },
    { when: "a simulation", first: ["test/simulation/core.test.ts > x"], second: [], passed: 9, unsteady: 0, again: 0 },
    { when: "an error outside of any test", first: ["tests > (all)"], second: [], passed: 9, unsteady: 0, again: 0 },
  ])("few failing files are run once more: $when", async ({ first, second, passed, unsteady, again }) => {
    let runs = 0;
    const total = await failedFilesOnceMore({ ...failed(...first), passed: 9 }, () => {
      runs += 1;
      return Promise.resolve(failed(...second));
    });
    expect([total.passed, total.unsteady.length, runs]).toEqual([passed, unsteady, again]);
  });

  it.each([
    { when: "everything passed", given: report(file("a.test.ts", [test("P1: a", "passed")])), failures: [] },
    {
      when: "a test failed",
      given: report(file("a.test.ts", [test("P1: a", "failed", "Error: 1 instead of 2\n  at a.test.ts")])),
      failures: [{ test: "a.test.ts > P1: a", why: "Error: 1 instead of 2" }],
    },
    {
      when: "a test was skipped",
      given: report(file("a.test.ts", [test("a", "pending")])),
      failures: [{ test: "a.test.ts > a", why: "pending, so nobody runs it" }],
    },
    {
      when: "a file could not be loaded",
      given: report(file("a.test.ts", [], { status: "failed", message: "SyntaxError: {" })),
      failures: [{ test: "a.test.ts > (the file)", why: "SyntaxError: {" }],
    },
    {
      when: "there is no report",
      given: null,
      failures: [{ test: "tests > (all)", why: "it ended without a report" }],
    },
  ])("names file, test and error when $when", ({ given, failures }) => {
    expect(read(given)).toMatchObject({ failed: failures.length, failures });
  });

  it.each([
    { given: "\u001B[31mError: a\u001B[39m\n    at b", line: "Error: a" },
    {
      given: "Error: 2 of 24 cases failed:\nstaging: files left behind\nmore",
      line: "Error: 2 of 24 cases failed: staging: files left behind",
    },
    { given: undefined, line: "no message" },
    { given: "x".repeat(5000), line: "x".repeat(400) },
  ])("takes $line from an error", ({ given, line }) => expect(firstLine(given)).toBe(line));

  it("ends with the unsteady, the failed and the counts, in this order", () => {
    const total = add({ ...failed("a > b"), passed: 3 }, { ...NOTHING, passed: 2, unsteady: failed("c > d").failures });
    expect(summaryOf(total)).toBe("== summary\nunsteady: c > d: no\nfailed: a > b: no\n5 passed, 1 failed\n");
  });
});

describe("a file that fails is run once more", () => {
  it("and not when it passed", async () => {
    const passed = { ...NOTHING, passed: 1 };
    expect(await onceMore(passed, () => Promise.reject(new Error("again")))).toBe(passed);
  });
  it("what passes then counts as passed and is named as unsteady", async () => {
    const then = await onceMore(failed("a: b", "a: c"), async () => ({ ...NOTHING, passed: 2 }));
    expect(then).toMatchObject({ passed: 2, failed: 0, failures: [], unsteady: failed("a: b", "a: c").failures });
  });
  it("what fails again has failed, what fails only then too, and the rest is unsteady", async () => {
    const then = await onceMore(failed("a: b", "a: c"), async () => failed("a: b", "a: d"));
    expect(then).toMatchObject({
      failed: 2,
      failures: failed("a: b", "a: d").failures,
      unsteady: failed("a: c").failures,
    });
  });
});

describe(".ci/run", { timeout: 60_000 }, () => {
  let root: string;
  const stand = (name: string, text: string): void => {
    writeFileSync(join(root, "bin", name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(root, "bin", name), 0o755);
  };
  /** The real script among stand-ins for what it starts. */
  const run = (env: NodeJS.ProcessEnv = {}) =>
    new Promise<{ code: number; lines: string[] }>((resolve) => {
      const path = [join(root, "bin"), process.env["PATH"] ?? ""].join(delimiter);
      execFile("bash", [join(root, ".ci/run")], { env: { ...process.env, PATH: path, ...env } }, (error, stdout) =>
        resolve({ code: error === null ? 0 : Number(error.code), lines: stdout.trimEnd().split("\n") }),
      );
    });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "keyturn-ci-"));
    mkdirSync(join(root, ".ci"));
    mkdirSync(join(root, "bin"));
    mkdirSync(join(root, "scripts"));
    cpSync(".ci/run", join(root, ".ci/run"));
    writeFileSync(join(root, "scripts/start.mjs"), "");
    for (const name of ["redis-server", "promtool", "python3", "chromium", "apt-get", "sudo"]) stand(name, "exit 0");
    stand(
      "npm",
      `case "$*" in test) cat ${root}/short; exit $SHORT;; *test:long) cat ${root}/long; exit $LONG;; *) exit 0;; esac`,
    );
    writeFileSync(join(root, "short"), "failed: only a line of a test\n== summary\n7 passed, 0 failed\n");
    writeFileSync(join(root, "long"), "== summary\n5 passed, 0 failed\n");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("ends with the sum of the counts; the exit code is 0 when nothing failed", async () => {
    const { code, lines } = await run({ SHORT: "0", LONG: "0" });
    expect(lines.at(-1)).toBe("12 passed, 0 failed");
    expect(lines.at(-2)).toMatch(/^total time: \d+ s$/);
    expect(code).toBe(0);
  });
  it("names failed and unsteady tests of every suite right before the counts", async () => {
    writeFileSync(join(root, "short"), "== summary\nfailed: a > b: Error: c\n6 passed, 1 failed\n");
    writeFileSync(join(root, "long"), "== summary\nunsteady: d > e: Error: f\nfailed: g > h: i\n5 passed, 1 failed\n");
    const { code, lines } = await run({ SHORT: "1", LONG: "1" });
    expect(lines.slice(-4)).toEqual([
      "unsteady: d > e: Error: f",
      "failed: a > b: Error: c",
      "failed: g > h: i",
      "11 passed, 2 failed",
    ]);
    expect(code).toBe(1);
  });
  it("counts and names a suite that ends before it can count, and one whose exit code the counts do not explain", async () => {
    writeFileSync(join(root, "long"), "out of memory\n");
    const { code, lines } = await run({ SHORT: "3", LONG: "137" });
    expect(lines.slice(-3)).toEqual([
      "failed: npm test: exit code 3, though nothing it counted failed",
      "failed: longer suites: exit code 137, before it could count",
      "7 passed, 2 failed",
    ]);
    expect(code).toBe(1);
  });
  it("names a preparation that fails", async () => {
    writeFileSync(join(root, "scripts/start.mjs"), "process.exitCode = 4;");
    const { code, lines } = await run({ SHORT: "0", LONG: "0" });
    expect(lines.slice(-2)).toEqual(["failed: dependencies", "12 passed, 1 failed"]);
    expect(code).toBe(1);
  });
});
