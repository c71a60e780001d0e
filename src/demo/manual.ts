import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { isFinal } from "../rotation/states.ts";
import { type SlackSandbox, startSlackSandbox } from "../sandbox/slack/start.ts";
import { type DemoOptions, type DemoReport, describeRotation, staged } from "./demo.ts";
import { Interrupted } from "./failure.ts";
import { Follower } from "./manual-follow.ts";
import { type Addresses, guide } from "./manual-guide.ts";
import { statusOf } from "./manual-status.ts";
import type { Say } from "./person.ts";
import { choosePort } from "./port.ts";
import { type Parts, type Scenery, examine, setUp } from "./scenery.ts";
import { inWords } from "./timeline.ts";

export interface ManualOptions extends DemoOptions {
  /** How a person starts Keyturn here. */
  keyturn: string;
  /** What is true now, in one line; said again only when it changes. */
  status: (text: string) => void;
  /** Ends when the first rotation is completed. */
  exitWhenDone: boolean;
  /** Ends by itself after so many milliseconds. */
  limitMs?: number;
}

/** Fixed while they are free, so that a bookmark works the next time. */
const PORTS = { chat: 7801, console: 7802, keyturn: 7803 } as const;
const LIMIT_MS = 60 * 60_000;
const LOOK_MS = 250;

/**
 * The stage of the demo for a person with a browser: a chat, the Console and the pages of Keyturn. Goes on until the
 * signal, or its limit. Never throws; every process has ended when it resolves.
 */
export async function runManual(options: ManualOptions): Promise<DemoReport> {
  const limitMs = options.limitMs ?? LIMIT_MS;
  const limit = AbortSignal.timeout(limitMs);
  let chat: SlackSandbox | null = null;
  const report = await staged(options, async (parts, result) => {
    const port = await choosePort(PORTS.keyturn);
    const at = `http://127.0.0.1:${port}`;
    const signingSecret = randomBytes(16).toString("hex");
    chat = await startSlackSandbox({
      port: await choosePort(PORTS.chat),
      signingSecret,
      interactionsUrl: () => `${at}/slack/interactions`,
      commandsUrl: () => `${at}/slack/commands`,
    });
    await play(options, { chat, signingSecret, port, limit, limitMs }, parts, result);
  });
  await (chat as SlackSandbox | null)?.close();
  // Whoever ends it after the end has not interrupted anything, even if Ctrl-C reached the processes first.
  if (report.checks.length > 0) report.interrupted = false;
  return report;
}

interface Stage {
  chat: SlackSandbox;
  signingSecret: string;
  port: number;
  limit: AbortSignal;
  limitMs: number;
}

async function play(options: ManualOptions, stage: Stage, parts: Parts, report: DemoReport): Promise<void> {
  const { folder, processes } = options;
  const { chat, port, signingSecret } = stage;
  const say: Say = (label, text, copy = []) => options.say({ at: Date.now(), label, text, copy });
  const signInToken = randomBytes(24).toString("base64url");
  const { apiUrl, botToken, channel, teamId, appId, group } = chat;
  const slack = { apiUrl, botToken, signingSecret, channel, teamId, appId };
  const sandboxPort = await choosePort(PORTS.console);
  const people = { slack, group, signInToken, port };
  const scenery = await setUp({ folder, processes, say, people, sandboxPort }, parts, report);
  const addresses: Addresses = {
    chat: chat.url,
    console: `${scenery.organization.sandbox.url}/console`,
    dashboard: `http://127.0.0.1:${port}`,
    signInToken,
  };
  const told = guide(addresses, { keyturn: options.keyturn, configFile: folder.configFile });
  say("your turn", told.text, told.copy);
  const follower = new Follower(scenery.app, options.say, scenery.application);
  try {
    await follow(options, stage, scenery, follower, report, say);
  } finally {
    describeRotation(follower.first, report);
  }
}

/** Until the signal, the limit, or with `exitWhenDone` the end of the first rotation. @throws Interrupted, StepFailed */
async function follow(
  options: ManualOptions,
  { limit, limitMs }: Stage,
  scenery: Scenery,
  follower: Follower,
  report: DemoReport,
  say: Say,
): Promise<void> {
  const { folder, processes, signal } = options;
  for (;;) {
    if (signal.aborted) throw new Interrupted();
    if (limit.aborted) return say("the end", `the demo ends by itself after ${inWords(limitMs)}`);
    const record = await follower.look();
    processes.check();
    options.status(statusOf(record, scenery.application.report(), Date.now()));
    if (record?.state === "completed" && report.checks.length === 0) {
      report.checks = await examine(scenery, record, folder, processes);
      report.ok = report.checks.every((check) => check.ok);
      for (const check of report.checks) say(check.ok ? "checked" : "FAILED", check.text);
    }
    if (record !== null && isFinal(record.state) && options.exitWhenDone) return;
    if (record?.state === "completed" && !options.exitWhenDone && !follower.toldEnd) {
      follower.toldEnd = true;
      say("what next", "look around as long as you like; Ctrl-C ends everything");
    }
    await pause(LOOK_MS, undefined, { signal: AbortSignal.any([signal, limit]) }).catch(() => undefined);
  }
}
