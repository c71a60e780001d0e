import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StepFailed } from "./failure.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path("../cli/main.ts");
const SANDBOX = path("../sandbox/main.ts");
const GOOGLE = path("../sandbox/google/main.ts");
const END_WITH_PARENT = new URL("./end-with-parent.ts", import.meta.url).href;

/** Starting a process on a busy machine takes its time. */
const START_MS = 60_000;
const STOP_MS = 30_000;

export interface CommandResult {
  exit: number | null;
  stdout: string;
  stderr: string;
}

/** What `sandbox.ready` says. */
export interface SandboxReady {
  url: string;
  adminKey: string;
}

/** Every process the demo starts, so that all of them end with it. */
export class Processes {
  readonly #running = new Map<ChildProcess, Promise<number | null>>();
  /** Those that must run as long as the demo does. */
  readonly #lasting = new Map<ChildProcess, { name: string; log: string }>();
  readonly #last = () => this.kill();

  constructor() {
    process.once("exit", this.#last);
  }

  /** The simulated organization. @param port 0: any free one. @throws StepFailed when it does not start */
  async startSandbox(state: string, logFile: string, port = 0): Promise<SandboxReady> {
    const args = [SANDBOX, "--state", state, "--port", String(port), "--quiet"];
    return (await this.#untilReady("the sandbox", args, logFile)) as SandboxReady;
  }

  /** Google Secret Manager, simulated. @throws StepFailed when it does not start */
  async startGoogle(logFile: string): Promise<{ endpoint: string }> {
    return (await this.#untilReady("the secrets manager", [GOOGLE], logFile)) as { endpoint: string };
  }

  /** Starts a process that lasts and says in its first line that it is ready. */
  async #untilReady(name: string, args: readonly string[], logFile: string): Promise<unknown> {
    const log = openSync(logFile, "a", 0o600);
    const child = this.#start(["--import", END_WITH_PARENT, ...args], ["pipe", "pipe", log]);
    closeSync(log);
    if (child.stdout === null) throw new StepFailed(`${name} has no output`, { log: logFile });
    this.#lasting.set(child, { name, log: logFile });
    const lines = createInterface({ input: child.stdout });
    const first = new Promise<string>((resolve) => lines.once("line", resolve));
    const ended = this.#ended(child).then(() => null);
    const line = await Promise.race([first, ended, pause(START_MS, null, { ref: false })]);
    if (line === null) throw new StepFailed(`${name} did not start`, { log: logFile });
    return JSON.parse(line);
  }

  /** `keyturn serve` as anybody would run it. Resolves when it says it is ready. @throws StepFailed */
  async startServe(
    configFile: string,
    logFile: string,
  ): Promise<{ pid: number; httpPort: number; stop(): Promise<void> }> {
    const log = openSync(logFile, "a", 0o600);
    const child = this.#start(["--import", END_WITH_PARENT, MAIN, "serve", "--config", configFile], ["pipe", log, log]);
    closeSync(log);
    this.#lasting.set(child, { name: "keyturn serve", log: logFile });
    let over = false;
    void this.#ended(child).then(() => (over = true));
    for (const end = Date.now() + START_MS; Date.now() < end && !over; await pause(50)) {
      const ready = logLines(logFile).find((line) => line["event"] === "serve.ready");
      if (ready !== undefined)
        return { pid: child.pid ?? 0, httpPort: Number(ready["httpPort"]), stop: () => this.#stop(child) };
    }
    throw new StepFailed(`keyturn serve ${over ? "ended at once" : "did not become ready"}`, { log: logFile });
  }

  /** One command line of Keyturn, to its end. What it needs from a person comes through standard input. */
  async keyturn(args: readonly string[], stdin = ""): Promise<CommandResult> {
    const child = this.#start([MAIN, ...args], ["pipe", "pipe", "pipe"]);
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    // A command that ends without reading is no failure of ours; its exit code tells.
    child.stdin?.once("error", () => undefined);
    child.stdin?.end(stdin);
    const exit = await this.#ended(child);
    return { exit, stdout: await stdout, stderr: await stderr };
  }

  /** @throws StepFailed when a process ended that should not have */
  check(): void {
    for (const [child, { name, log }] of this.#lasting) {
      if (child.exitCode === null && child.signalCode === null) continue;
      throw new StepFailed(`${name} ended (${child.signalCode ?? `exit code ${child.exitCode}`})`, { log });
    }
  }

  /** Ends all that still runs, politely, then not. Safe to repeat; never throws. */
  async stopAll(): Promise<void> {
    await Promise.allSettled([...this.#running.keys()].map((child) => this.#stop(child)));
    process.removeListener("exit", this.#last);
  }

  /** At once: for the second Ctrl-C, and for the end of this process. */
  kill(): void {
    for (const child of this.#running.keys()) child.kill("SIGKILL");
  }

  #start(args: readonly string[], stdio: ("pipe" | number)[]): ChildProcess {
    const child = spawn(process.execPath, args, { stdio, env: environment() });
    const ended = new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("close", (code) => resolve(code));
    }).finally(() => this.#running.delete(child));
    this.#running.set(child, ended);
    return child;
  }

  #ended(child: ChildProcess): Promise<number | null> {
    return this.#running.get(child) ?? Promise.resolve(child.exitCode);
  }

  async #stop(child: ChildProcess): Promise<void> {
    const ended = this.#ended(child);
    this.#lasting.delete(child);
    child.kill("SIGTERM");
    const late = await Promise.race([ended.then(() => false), pause(STOP_MS, true, { ref: false })]);
    if (!late) return;
    child.kill("SIGKILL");
    await ended;
  }
}

/** Ours without what is none of the children's business: a person's own keys, and settings of another Keyturn. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(ANTHROPIC_|KEYTURN_|NODE_USE_ENV_PROXY$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}

/** The JSON lines of a log that is being written; a line that is not whole yet is left out. */
function logLines(file: string): Record<string, unknown>[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    });
}
