import { readFile, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { parse, stringify } from "yaml";
import { loadConfig } from "../config/load.ts";
import { compose } from "../src/compose.ts";
import type { Deps } from "../src/app/deps.ts";
import { newRecord } from "../src/app/open.ts";
import { locksOf } from "../src/rotation/locks.ts";
import { cardValue } from "../src/slack/actions.ts";
import { createRedisOutbox } from "../src/redis/outbox.ts";
import { CARD, clickAll } from "./clicks/load.ts";
import { TEAM, USER, startSlackServer } from "./clicks/slack-server.ts";
import { type Installation, install } from "./lib/installation.ts";
import { startScript } from "./lib/processes.ts";
import { type Section, median, range, round } from "./lib/report.ts";

const PER_SECOND = 20;
const CLICKS = Number(process.env["BENCH_CLICKS"] ?? PER_SECOND * 30);
const ROUNDS = 1;
const SECRET = randomBytes(24).toString("hex");
const SLACK_GIVES_UP_MS = 3000;

/** 20 approvals a second for 30 s, each until it is saved and acknowledged, beside a Bolt handler that only acknowledges. */
export async function benchClicks(rounds = ROUNDS): Promise<Section> {
  const ours: number[][] = [];
  const bare: number[][] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    bare.push(await runBare());
    ours.push(await runOurs());
    const p99s = [bare, ours].map((all) => round(quantile(all[turn] ?? [], 0.99), 1));
    process.stderr.write(`clicks, round ${turn + 1}: p99 ${p99s.join(" ms bare, ")} ms ours\n`);
  }
  return section(ours, bare);
}

async function runBare(): Promise<number[]> {
  const slack = await startSlackServer();
  const bolt = await startScript<{ port: number }>("clicks/bare.ts", { signingSecret: SECRET });
  try {
    const values = Array.from({ length: CLICKS }, (_, n) => cardValue(`rot_${n}`, "0".repeat(16)));
    return await clickAll({ ...LOAD, values, port: bolt.ready.port, responseUrl: slack.url });
  } finally {
    await bolt.stop();
    await slack.stop();
  }
}

async function runOurs(): Promise<number[]> {
  const installation = await install(CLICKS, 100);
  const slack = await startSlackServer();
  try {
    const { configFile } = installation;
    const values = await openAll(installation);
    await withSlack(configFile, slack.url);
    const serve = await startScript<{ port: number }>("clicks/ours.ts", { configFile });
    try {
      const times = await clickAll({ ...LOAD, values, port: serve.ready.port, responseUrl: slack.url });
      await assertApproved(configFile);
      return times;
    } finally {
      await serve.stop();
    }
  } finally {
    await slack.stop();
    await installation.close();
  }
}

const LOAD = { perSecond: PER_SECOND, signingSecret: SECRET };
const PERSON = { name: "cli:bench@localhost", via: "cli" } as const;
const QUIET = { log: pino({ level: "silent" }) };

/** One rotation per target that waits for approval. @returns what their buttons send */
async function openAll({ configFile, targets }: Installation): Promise<string[]> {
  const app = await compose(loadConfig({ path: configFile }), QUIET);
  const { deps } = app;
  const outbox = createRedisOutbox({
    redis: app.redisClient,
    install: app.loaded.config.redis.prefix ?? app.loaded.config.install,
  });
  const values: string[] = [];
  for (const { name, keyId } of targets) {
    const r = await openOne(deps, name, keyId);
    // A click counts only on the card that the channel remembers.
    await outbox.remember(r.id, "slack", { card: { ...CARD, hash: "" } });
    values.push(cardValue(r.id, r.planHash));
  }
  await app.close();
  return values;
}

async function openOne(deps: Deps, target: string, keyId: string) {
  const key = (await deps.admin.getKey(keyId)).value;
  if (key === null) throw new Error(`${target} has no key`);
  const record = newRecord(deps, {
    targets: [target],
    outgoing: { key, fingerprint: null, hint: key.hint, organizationId: null, workspaceId: key.workspaceId },
    reason: "age",
    start: "awaiting_approval",
    actor: PERSON,
    message: "bench",
  });
  await deps.rotations.commit({ record, expectedRevision: 0, locks: locksOf(record), audit: [] });
  return record;
}

async function withSlack(configFile: string, url: string): Promise<void> {
  process.env["BENCH_SLACK_SIGNING_SECRET"] = SECRET;
  process.env["BENCH_SLACK_BOT_TOKEN"] = "not-a-token";
  const config = parse(await readFile(configFile, "utf8")) as object;
  const slack = {
    botToken: "env:BENCH_SLACK_BOT_TOKEN",
    signingSecret: "env:BENCH_SLACK_SIGNING_SECRET",
    channel: "C0BENCH",
    teamId: TEAM,
    apiUrl: `${url}/api/`,
  };
  const more = {
    slack,
    approvers: { slack: { users: [USER] }, cli: ["*"] },
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
  };
  await writeFile(configFile, stringify({ ...config, ...more }));
}

/** What was acknowledged must be saved. */
async function assertApproved(configFile: string): Promise<void> {
  const app = await compose(loadConfig({ path: configFile }), QUIET);
  let approved = 0;
  for await (const r of app.deps.rotations.all())
    if (r.approvals.some((a) => a.actor === `slack:${USER}`) && r.state !== "awaiting_approval") approved += 1;
  await app.close();
  if (approved !== CLICKS) throw new Error(`${approved} of ${CLICKS} clicks were saved`);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

function section(ours: readonly number[][], bare: readonly number[][]): Section {
  const of = (all: readonly number[][], part: number) => all.map((one) => quantile(one, part));
  const row = (name: string, part: number) => [name, ...[ours, bare].map((all) => round(median(of(all, part)), 1))];
  const p99 = of(ours, 0.99);
  return {
    title: `clicks: ${CLICKS.toLocaleString("en")} approvals at ${PER_SECOND} a second`,
    about: `From the click until it is saved and acknowledged: one \`serve\` (workers, messages and all) on loopback, a real Redis, dotenv files, beside a Bolt handler that only acknowledges. Medians of ${ours.length} round${ours.length === 1 ? "" : "s"}.`,
    head: ["", "click → saved decision", "bare acknowledgement"],
    rows: [row("p50, ms", 0.5), row("p99, ms", 0.99), row("longest, ms", 1)],
    verdicts: [
      `Every click was saved when it was acknowledged. p99: ${range(p99, 1)} ms; Slack gives up after ${SLACK_GIVES_UP_MS.toLocaleString("en")} ms.`,
    ],
  };
}
