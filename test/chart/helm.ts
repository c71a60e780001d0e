import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { tool } from "../support/servers/build.ts";

export const CHART = join(import.meta.dirname, "../../helm/keyturn");
export const WRONG = join(import.meta.dirname, "wrong");

/** The two lines of helm that people use. */
export const HELMS = ["helm", "helm4"] as const;
export type HelmName = (typeof HELMS)[number];

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Each example that the chart carries, `helm/keyturn/ci/<name>-values.yaml`. */
export const EXAMPLES = readdirSync(join(CHART, "ci"))
  .filter((file) => file.endsWith("-values.yaml"))
  .toSorted()
  .map((file) => ({ name: file.slice(0, -"-values.yaml".length), file: join(CHART, "ci", file) }));

/** Values that cannot work: the first line of each file is a comment with the beginning of what helm has to say. */
export const MISTAKES = readdirSync(WRONG)
  .toSorted()
  .map((name) => {
    const file = join(WRONG, name);
    const [first = ""] = readFileSync(file, "utf8").split("\n");
    return { name: name.replace(/\.yaml$/, ""), file, sentence: first.replace(/^# /, "") };
  });

/** Runs a tool of the chart's without any settings of whoever runs the test, and without a cluster. Never throws for an exit code. */
export async function run(name: HelmName | "untt", ...args: readonly string[]): Promise<Ran> {
  const [file, home] = [await tool(name), await mkdtemp(join(tmpdir(), "kt-chart-"))];
  const env = { PATH: process.env["PATH"], HOME: home, TMPDIR: home, KUBECONFIG: join(home, "none") };
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(file, args, { env, cwd: home, stdio: ["ignore", "pipe", "pipe"] });
      const said = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? 1, ...said }));
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export const render = (name: HelmName, ...args: readonly string[]): Promise<Ran> =>
  run(name, "template", "keyturn", CHART, "--namespace", "keyturn", ...args);

export interface Rendered {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: unknown;
}

/** The objects of a manifest. @throws when it is not YAML */
export function objectsOf(manifest: string): Rendered[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const object = document.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });
}
