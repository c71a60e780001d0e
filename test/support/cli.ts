import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { main } from "../../src/cli/main.ts";

/** What one command line answered. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export const ENTRY = join(import.meta.dirname, "../../src/cli/main.ts");

const collected = (): { stream: PassThrough; text: () => string } => {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
};

/** Runs a command line in this process. Log lines go to the process's own stderr (KEYTURN_LOG_LEVEL quiets them). */
export async function keyturn(args: readonly string[], stdin = ""): Promise<Ran> {
  const out = collected();
  const err = collected();
  const input = new PassThrough();
  input.end(stdin);
  const code = await main(args, {
    stdin: input as unknown as NodeJS.ReadStream,
    stdout: out.stream,
    stderr: err.stream,
  });
  return { code, stdout: out.text(), stderr: err.text() };
}

export interface Spawned {
  process: ChildProcess;
  /** What was printed until now. */
  stdout(): string;
  stderr(): string;
  ended: Promise<Ran>;
}

/** Starts a command line as a process of its own; whoever starts it ends it. @param more `entry`: of another version */
export function spawnKeyturn(
  args: readonly string[],
  more: { stdin?: string; env?: Record<string, string>; cwd?: string; entry?: string } = {},
): Spawned {
  const child = spawn(process.execPath, [more.entry ?? ENTRY, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...more.env },
    ...(more.cwd === undefined ? {} : { cwd: more.cwd }),
    stdio: "pipe",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  child.stdin.on("error", () => undefined);
  child.stdin.end(more.stdin ?? "");
  const ended = once(child, "close").then(([code]) => ({ code: typeof code === "number" ? code : -1, stdout, stderr }));
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** The one JSON document of an answer. */
export const document = (ran: Ran): Record<string, unknown> => JSON.parse(ran.stdout) as Record<string, unknown>;

/** The error document of an answer to `--json`. */
export const errorOf = (ran: Ran): { code: string; message: string; next: string } =>
  (document(ran) as { error: { code: string; message: string; next: string } }).error;
