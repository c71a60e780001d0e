import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

export interface Failure {
  /** `<file> > <test>` */
  test: string;
  /** The first line of the error. */
  why: string;
}

/** What a run counted, and what a person has to know about it when only the end of the output is at hand. */
export interface Tally {
  passed: number;
  failed: number;
  failures: readonly Failure[];
  /** What failed, and passed when it was run once more. */
  unsteady: readonly Failure[];
}

export const NOTHING: Tally = { passed: 0, failed: 0, failures: [], unsteady: [] };
export const add = (a: Tally, b: Tally): Tally => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  failures: [...a.failures, ...b.failures],
  unsteady: [...a.unsteady, ...b.unsteady],
});

/** What Vitest's JSON report says. A file that fails before its first test, and a test that nobody runs, are failures. */
interface VitestReport {
  numPassedTests: number;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[];
  }[];
}

/** @param text null when there is no report: the run ended before it could write one */
export function readReport(text: string | null, name: string, folder: string): Tally {
  if (text === null)
    return { ...NOTHING, failed: 1, failures: [{ test: `${name} > (all)`, why: "it ended without a report" }] };
  const report = JSON.parse(text) as VitestReport;
  const failures = report.testResults.flatMap(({ name: path, status, message, assertionResults }) => {
    const file = relative(folder, path);
    if (status === "failed" && assertionResults.length === 0)
      return [{ test: `${file} > (the file)`, why: firstLine(message) }];
    return assertionResults.flatMap((test) => {
      if (test.status === "passed") return [];
      const why = test.status === "failed" ? firstLine(test.failureMessages?.[0]) : `${test.status}, so nobody runs it`;
      return [{ test: `${file} > ${test.fullName}`, why }];
    });
  });
  return { passed: report.numPassedTests, failed: failures.length, failures, unsteady: [] };
}

const LONGEST = 400;
/** The first line of an error; with the next one where it only announces it. */
export function firstLine(message: string | undefined): string {
  const lines = stripVTControlCharacters(message ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const [first = "no message", second = ""] = lines;
  return (first.endsWith(":") ? `${first} ${second}` : first).slice(0, LONGEST);
}

/**
 * A second run decides, and what failed only in the first is told loudly: a test that sometimes fails is a defect of the
 * test or of the program, but not of the change under test.
 */
export async function onceMore(first: Tally, again: () => Promise<Tally>): Promise<Tally> {
  if (first.failed === 0) return first;
  const second = await again();
  const stillFailing = new Set(second.failures.map(({ test }) => test));
  return { ...second, unsteady: first.failures.filter(({ test }) => !stillFailing.has(test)) };
}

/** More failing files than this are no accident. */
const FEW = 3;

/** A random sequence that broke a promise has found something, whatever the next one does: such a file is not run again. */
export const isRandom = (file: string): boolean => /^test\/(simulation|chaos)\//.test(file);

/** The same for a run of many files: the few that failed are run once more. */
export async function failedFilesOnceMore(first: Tally, again: (files: string[]) => Promise<Tally>): Promise<Tally> {
  const files = [...new Set(first.failures.map(({ test }) => test.split(" > ")[0] ?? ""))];
  const isFew = files.length > 0 && files.length <= FEW;
  if (!isFew || !files.every((file) => file.endsWith(".test.ts") && !isRandom(file))) return first;
  const second = await onceMore(first, () => again(files));
  return { ...second, passed: first.passed + first.failed - second.failed };
}

/** The end of the output, with which `.ci/run` goes on: everything a person has to know, then the counts. */
export const summaryOf = (total: Tally): string =>
  [
    "== summary",
    ...total.unsteady.map(({ test, why }) => `unsteady: ${test}: ${why}`),
    ...total.failures.map(({ test, why }) => `failed: ${test}: ${why}`),
    `${total.passed} passed, ${total.failed} failed`,
    "",
  ].join("\n");
