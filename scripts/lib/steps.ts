import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NOTHING, type Tally, readReport } from "./report.ts";

/** `at its end`: for commands beside which others run, whose output must not mix. */
type Shown = "at once" | "at its end";

/**
 * Runs a command; prints its name, its output and how long it took. Exit code 127 when it cannot be started.
 * @param shown when its output is printed
 */
export async function run(name: string, command: readonly string[], shown: Shown = "at once"): Promise<number> {
  const began = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  const [file, ...args] = command;
  if (file === undefined) throw new TypeError("a command has at least one word");
  const stream = shown === "at once" ? "inherit" : "pipe";
  const child = spawn(file, args, { stdio: ["ignore", stream, stream] });
  const said: Buffer[] = [];
  for (const output of [child.stdout, child.stderr]) output?.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number>((resolve) => {
    child.on("error", () => resolve(127));
    child.on("close", (exit) => resolve(exit ?? 1));
  });
  if (said.length > 0) process.stdout.write(`\n== output of ${name}\n${Buffer.concat(said).toString()}`);
  process.stdout.write(`== ${name}: ${code === 0 ? "ok" : `failed (exit ${code})`}, ${seconds(began)}\n`);
  return code;
}

/** A check that passes or fails as a whole counts as one test. */
export async function check(name: string, command: readonly string[]): Promise<Tally> {
  const code = await run(name, command);
  if (code === 0) return { ...NOTHING, passed: 1 };
  return { ...NOTHING, failed: 1, failures: [{ test: name, why: `${command.join(" ")}: exit code ${code}` }] };
}

/** Runs vitest and counts its tests. An exit code that the counts do not explain counts as one failure more. */
export async function vitest(name: string, args: readonly string[], shown?: Shown): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), "keyturn-test-"));
  try {
    const report = join(scratch, "report.json");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await run(name, ["vitest", "run", ...reporters, ...args], shown);
    const tally = readReport(existsSync(report) ? readFileSync(report, "utf8") : null, name, process.cwd());
    if (code === 0 || tally.failed > 0) return tally;
    const why = `exit code ${code}: an error outside of any test`;
    return { ...tally, failed: 1, failures: [{ test: `${name} > (all)`, why }] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
