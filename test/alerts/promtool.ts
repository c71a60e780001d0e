import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import { RULES_FILE } from "./rules.ts";

export interface Ran {
  code: number | null;
  output: string;
}

/** Runs promtool of Debian's package `prometheus`. Missing: the test fails, it is not skipped. */
export async function promtool(args: readonly string[], input = ""): Promise<Ran> {
  const child = spawn("promtool", args, { stdio: ["pipe", "pipe", "pipe"] });
  const code = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  child.stdin.end(input);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  return { code: await code, output: out + error };
}

/** Series and their values, as promtool writes them: `0x60` is 61 zeros, one each minute from time 0; `0x*` goes on until the test looks. */
export type Series = Readonly<Record<string, string>>;
export interface Expected {
  expr: string;
  /** Series with their values; none: the expression has no result. */
  is: readonly { labels: string; value: number }[];
}

const minutesOf = (at: string): number => {
  const [, hours = "0", minutes = "0"] = /^(?:(\d+)h)?(?:(\d+)m)?$/.exec(at) ?? [];
  return Number(hours) * 60 + Number(minutes);
};

/** `promtool test rules` with our rules, looking at one moment such as `1h30m`. */
export const testRules = (series: Series, at: string, expected: readonly Expected[]): Promise<Ran> =>
  runTest(series, at, {
    promql_expr_test: expected.map(({ expr, is }) => ({ expr, eval_time: at, exp_samples: is })),
  });

/** What an alert that fires says: promtool shows it when told to expect none. */
export const wordsOf = async (series: Series, at: string, alertname: string): Promise<string> =>
  (await runTest(series, at, { alert_rule_test: [{ eval_time: at, alertname, exp_alerts: [] }] })).output;

async function runTest(series: Series, at: string, tests: object): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), "kt-promtool-"));
  const file = join(folder, "test.yaml");
  const document = {
    rule_files: [RULES_FILE],
    // Less often over a long time, to be quick; a result is forgotten after five minutes.
    evaluation_interval: minutesOf(at) > 120 ? "4m" : "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({
          series: name,
          values: values.replace("x*", `x${minutesOf(at)}`),
        })),
        ...tests,
      },
    ],
  };
  try {
    await writeFile(file, stringify(document));
    return await promtool(["test", "rules", file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
