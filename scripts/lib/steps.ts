import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Tally {
  passed: number;
  failed: number;
}

export const add = (a: Tally, b: Tally): Tally => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });

/** Runs a command with our streams; prints its name and how long it took. Exit code 127 when it cannot be started. */
export async function run(name: string, command: readonly string[]): Promise<number> {
  const began = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  const [file, ...args] = command;
  if (file === undefined) throw new TypeError("a command has at least one word");
  const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number>((resolve) => {
    child.on("error", () => resolve(127));
    child.on("exit", (exit) => resolve(exit ?? 1));
  });
  process.stdout.write(`== ${name}: ${code === 0 ? "ok" : `failed (exit ${code})`}, ${seconds(began)}\n`);
  return code;
}

/** A check that passes or fails as a whole counts as one test. */
export async function check(name: string, command: readonly string[]): Promise<Tally> {
  return (await run(name, command)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs vitest and counts its tests. An exit code that the counts do not explain counts as one failure more. */
export async function vitest(name: string, args: readonly string[]): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), "keyturn-test-"));
  try {
    const report = join(scratch, "report.json");
    const code = await run(name, [
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...args,
    ]);
    const tally = readReport(report);
    return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Files that fail before their first test have no tests to count; each counts as one failure. */
function readReport(file: string): Tally {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return { passed: 0, failed: 1 };
  }
  const report = JSON.parse(text) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    testResults: { status: string; assertionResults: unknown[] }[];
  };
  const broken = report.testResults.filter((each) => each.status === "failed" && each.assertionResults.length === 0);
  // A skipped test is a test that nobody runs: it fails the run.
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests + broken.length };
}

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
