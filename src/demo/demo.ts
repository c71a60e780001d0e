import { setTimeout as pause } from "node:timers/promises";
import { asKeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import type { ApplicationReport } from "./application.ts";
import type { Check } from "./checks.ts";
import { Interrupted, StepFailed } from "./failure.ts";
import type { Folder } from "./folder.ts";
import { type Say, playBothPeople } from "./person.ts";
import type { Processes } from "./processes.ts";
import { type Parts, examine, setUp } from "./scenery.ts";
import type { Line } from "./timeline.ts";
import { Watch } from "./watch.ts";

export interface DemoOptions {
  folder: Folder;
  say: (line: Line) => void;
  signal: AbortSignal;
  processes: Processes;
}

export interface DemoReport {
  ok: boolean;
  interrupted: boolean;
  rotation: string | null;
  state: string | null;
  outgoingKey: { id: string; name: string } | null;
  replacementKey: { id: string; name: string } | null;
  redis: "server" | "memory" | null;
  sandboxUrl: string | null;
  application: ApplicationReport | null;
  checks: Check[];
  error: { message: string; next: string | null; log: string | null } | null;
}

/** The archive comes a grace period after draining, and draining may last two minutes of usage. */
const TO_THE_END_MS = 240_000;
/** Our own signal handler may run after a child's. */
const SIGNAL_MS = 50;
/** An attention that clears itself is shown, not punished. */
const ATTENTION_MS = 10_000;

/**
 * A key's whole way on embedded parts: simulated organization, secrets manager and `keyturn serve` as processes, Redis,
 * a dotenv file.
 * Compresses time through the configuration alone. Never throws; every process has ended when it resolves.
 */
export function runDemo(options: DemoOptions): Promise<DemoReport> {
  return staged(options, async (parts, report) => {
    await play(options, parts, report);
    report.ok = report.checks.every((check) => check.ok);
  });
}

/** Around every play: what goes wrong is in the report, and everything ends. Never throws. */
export async function staged(
  { folder, processes, signal }: Pick<DemoOptions, "folder" | "processes" | "signal">,
  act: (parts: Parts, report: DemoReport) => Promise<void>,
): Promise<DemoReport> {
  const parts: Parts = { app: null, application: null, google: null };
  const report = { ...NOTHING_YET };
  try {
    await act(parts, report);
  } catch (thrown) {
    // Ctrl-C on a terminal reaches every process of the group: what fails through it is no failure.
    await pause(SIGNAL_MS);
    if (signal.aborted || thrown instanceof Interrupted) report.interrupted = true;
    else report.error = explain(thrown, folder);
  }
  report.application = parts.application?.report() ?? null;
  await parts.application?.stop();
  await parts.google?.close().catch(() => undefined);
  await processes.stopAll();
  await parts.app?.close();
  return report;
}

const NOTHING_YET: DemoReport = {
  ok: false,
  interrupted: false,
  rotation: null,
  state: null,
  outgoingKey: null,
  replacementKey: null,
  redis: null,
  sandboxUrl: null,
  application: null,
  checks: [],
  error: null,
};

async function play(options: DemoOptions, parts: Parts, report: DemoReport): Promise<void> {
  const { folder, processes, signal } = options;
  const say: Say = (label, text, copy = []) => options.say({ at: Date.now(), label, text, copy });
  const scenery = await setUp({ folder, processes, say, people: null }, parts, report);
  const { app, organization, application, serve } = scenery;

  const watch = new Watch({
    app,
    application,
    say: options.say,
    signal,
    check: () => processes.check(),
    attentionMs: ATTENTION_MS,
  });
  try {
    await playBothPeople({ folder, organization, processes, watch, say });
    await watch.until(["completed"], TO_THE_END_MS);
  } finally {
    describeRotation(watch.seen, report);
  }
  // The last word goes into the audit log before it is checked.
  await serve.stop();
  await application.stop();
  report.checks = await examine(scenery, watch.record, folder, processes);
}

export function describeRotation(record: Rotation | null, report: DemoReport): void {
  if (record === null) return;
  const named = (key: { id: string; name: string } | null) => (key === null ? null : { id: key.id, name: key.name });
  Object.assign(report, {
    rotation: record.id,
    state: record.state,
    outgoingKey: named(record.outgoing),
    replacementKey: named(record.replacement),
  });
}

function explain(thrown: unknown, folder: Folder): NonNullable<DemoReport["error"]> {
  if (thrown instanceof StepFailed)
    return { message: thrown.message, next: thrown.next, log: thrown.log ?? folder.serveLog };
  const known = asKeyturnError(thrown);
  return { message: known.message, next: known.next, log: folder.serveLog };
}
