import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { keyturn } from "../support/cli.ts";
import { openBoard } from "./api.ts";
import { startApplications } from "./applications.ts";
import { violationsIn } from "./check/check.ts";
import { startFaults } from "./faults.ts";
import { gather, leaks } from "./gather.ts";
import { startLives } from "./life.ts";
import { randomOf } from "./random.ts";
import type { GroundKind } from "./redis-ground.ts";
import { type Site, buildSite } from "./site.ts";

export interface ChaosOptions {
  kind: GroundKind;
  seed: string;
  seconds: number;
  /** Targets, each with a rotation in flight. */
  targets: number;
  /** After the faults, until everything has come to rest. */
  settleSeconds: number;
  faultEveryMs: number;
}

export interface Outcome {
  /** What breaks a promise; empty is the promise. */
  broken: string[];
  /** Figures, for people. */
  lines: string[];
}

/** Until nearly every target has a rotation; on a slow machine the faults begin with fewer. */
const OPEN_WITHIN_MS = 60_000;

/** Who has to act in a state in which a rotation may rest. */
const RESTS = new Set(["awaiting_approval", "awaiting_replacement", "grace_period", "draining", "reinstated"]);

/** Our own states are left within this, once nothing is in the way: longer than the lease of a dead worker. */
const MOVES_WITHIN_MS = 70_000;

/** Builds an installation, lets everything go wrong for a while, lets it settle, and looks at what became of it. */
export async function chaos(options: ChaosOptions): Promise<Outcome> {
  const say = (line: string): void => void process.stdout.write(`chaos ${options.kind}: ${line}\n`);
  const random = randomOf(options.seed);
  process.env["AWS_ACCESS_KEY_ID"] ??= "test";
  process.env["AWS_SECRET_ACCESS_KEY"] ??= "test";
  process.env["KEYTURN_LOG_LEVEL"] ??= "silent";
  const site = await buildSite(options.kind, options.targets, random.stream("site"));
  say(`seed ${options.seed}, ${options.seconds} s, timeline ${site.timeline.file}`);
  // The replicas write as long as they run: the folder goes after them.
  let outcome: Outcome;
  try {
    outcome = await wreak(site, options, say);
  } finally {
    await site.stop();
  }
  if (outcome.broken.length === 0 && process.env["KEYTURN_CHAOS_KEEP"] === undefined)
    await rm(site.dir, { recursive: true, force: true });
  else say(`evidence is kept in ${site.dir}; again with KEYTURN_CHAOS_SEED=${options.seed}`);
  return outcome;
}

async function wreak(site: Site, options: ChaosOptions, say: (line: string) => void): Promise<Outcome> {
  const random = randomOf(options.seed);
  const board = openBoard(site, random.stream("board"));
  const applications = startApplications(site, random.stream("applications"), 3000);
  const lives = startLives(site, board, random.stream("lives"));
  for (const end = Date.now() + OPEN_WITHIN_MS; Date.now() < end && board.open.size < options.targets * 0.9;)
    await sleep(500);
  say(`${board.open.size} open; faults begin`);
  const faults = startFaults(site, random.stream("faults"), { everyMs: options.faultEveryMs });
  const began = Date.now();
  for (const end = began + options.seconds * 1000; Date.now() < end;) {
    await sleep(Math.min(30_000, end - Date.now()));
    const kinds = Object.values(faults.happened).reduce((sum, n) => sum + n, 0);
    say(
      `${Math.round((Date.now() - began) / 1000)} s: ${board.open.size} open, ${lives.opened} opened, ended ${JSON.stringify(lives.ended)}, ${kinds} faults`,
    );
  }
  lives.calmDown();
  await faults.stop();
  await heal(site);
  say(`faults are over; settling`);
  for (const end = Date.now() + options.settleSeconds * 1000; Date.now() < end && board.open.size > 0;)
    await sleep(1000);
  await sleep(2000);
  const left = [...board.open.values()];
  const settledAt = Date.now();
  await lives.stop();
  await board.stop();
  await applications.stop();
  const verified = await keyturn(["audit", "verify", "--json", "--config", site.configFile]);
  const listed = await keyturn(["list", "--json", "--config", site.configFile]);
  const evidence = await gather(site, applications);
  const leaked = await leaks(site);
  const violations = violationsIn(evidence);
  const stuck = left.filter(
    (r) => r.needsAttention === null && !RESTS.has(r.state) && Date.parse(r.enteredAt) < settledAt - MOVES_WITHIN_MS,
  );
  const counted = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .toSorted((a, b) => b[1] - a[1])
      .map(([name, n]) => `${name} ${n}`)
      .join(", ");
  const attentions: Record<string, number> = {};
  for (const r of left) {
    const why = r.needsAttention === null ? r.state : `${r.state} (${r.needsAttention.code})`;
    attentions[why] = (attentions[why] ?? 0) + 1;
  }
  const noted = site.timeline.counts();
  const posts = evidence.requests.filter(
    (r) => r.method === "POST" && r.path.startsWith("/v1/organizations/api_keys/"),
  );
  const defects = [
    "people.defect",
    "fault.defect",
    "application.defect",
    "people.dead_key_accepted",
    "replica.died",
  ].filter((kind) => kind in noted);
  const lines = [
    `rotations opened ${lives.opened}; ended: ${counted(lives.ended)}`,
    `left at the end: ${left.length === 0 ? "none" : counted(attentions)}`,
    `attention met on the way: ${counted(lives.attentions)}`,
    `whims: ${counted(lives.whims)}`,
    `faults: ${counted(faults.happened)}`,
    `replicas that did not come up at once: ${noted["replica.not_started"] ?? 0}`,
    `application calls by status: ${counted(applications.calls)}`,
    `requests to the organization ${evidence.requests.length}, status changes asked for ${posts.length}, of them applied ${posts.filter((r) => r.applied).length}`,
    `store states noted ${evidence.stores.length}, audit entries ${evidence.audit.length}, Slack requests ${site.slackWire.exchanges.length}`,
  ];
  for (const line of lines) say(line);
  const broken = [
    ...violations.map(({ promise, at, what }) => `${promise} at ${new Date(at).toISOString()}: ${what}`),
    ...leaked.map((line) => `P3: ${line}`),
    ...(verified.code === 0 ? [] : [`P11: audit verify: exit ${verified.code}: ${verified.stdout.slice(0, 500)}`]),
    ...(listed.code === 0 ? [] : [`list: exit ${listed.code}: ${listed.stdout.slice(0, 500)}`]),
    ...stuck.map((r) => `stuck: ${r.id} (${r.target}) is ${r.state} since ${r.enteredAt}, due ${r.dueAt}`),
    ...defects.map((kind) => `${kind}: ${noted[kind]} times, see the timeline`),
  ];
  for (const line of broken) say(line);
  return { broken, lines };
}

/** Everything that was broken is mended. */
async function heal(site: Site): Promise<void> {
  await site.console.clearFaults();
  for (const place of Object.values(site.places)) place.fault(null, 0);
  for (const replica of site.replicas) if (!replica.isUp()) await replica.start();
}
