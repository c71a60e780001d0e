import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";
import { type SandboxClient, sandboxClient } from "../../src/sandbox/client.ts";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { type Wire, startWire } from "../canary/wire.ts";
import { type CuttableProxy, cuttableProxy } from "../support/cuttable-proxy.ts";
import { awsPlace } from "./aws-place.ts";
import type { Deed, DestinationFacts } from "./check/evidence.ts";
import { filePlace } from "./file-place.ts";
import { googlePlace } from "./google-place.ts";
import { type Chronicle, type Place, digestOf, openChronicle } from "./places.ts";
import type { Random } from "./random.ts";
import { type GroundKind, type RedisGround, startGround } from "./redis-ground.ts";
import { type Replica, replicaOf } from "./replica.ts";
import { SITE_POLICY, type TargetPlan, planTargets } from "./targets.ts";
import { type Timeline, openTimeline } from "./timeline.ts";

export const INSTALL = "chaos";
const REPLICAS = 3;
const BYSTANDERS = 5;

/** The whole of it: an organization, stores, Redis, Slack, three replicas, in one folder. */
export interface Site {
  dir: string;
  timeline: Timeline;
  chronicle: Chronicle;
  console: SandboxClient;
  requestLog: string;
  redis: RedisGround;
  places: Readonly<Record<string, Place>>;
  slack: SlackSandbox;
  /** Everything that Slack was sent. */
  slackWire: Wire;
  /** Unplugs Slack from the replicas. */
  slackPlug: CuttableProxy;
  replicas: readonly Replica[];
  targets: readonly TargetPlan[];
  destinations: readonly DestinationFacts[];
  bystanders: readonly string[];
  configFile: string;
  auditFile: string;
  apiToken: string;
  /** Key texts by id: for the people who have them, and for the search at the end. */
  texts: Map<string, string>;
  deeds: Deed[];
  /** Notes what people did. */
  did(deed: Deed): void;
  read(dest: DestinationFacts): Promise<string>;
  idOf(text: string): string | null;
  /** A replica that may answer; null while none is up. */
  anyUrl(random: Random): string | null;
  /** Ends every process by its pid. The folder stays. */
  stop(): Promise<void>;
}

export async function buildSite(kind: GroundKind, size: number, random: Random): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), `kt-chaos-${kind}-`));
  const at = (name: string) => join(dir, name);
  await mkdir(at("files"));
  const timeline = openTimeline(at("timeline.jsonl"));
  const chronicle = openChronicle(at("stores.jsonl"));
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end().catch(() => undefined);
  };
  try {
    const redis = await startGround(kind, INSTALL);
    ends.push(() => redis.stop());
    const organization = await startOrganization(at("organization"));
    ends.push(() => organization.end());
    const console = sandboxClient(organization.url);
    const places: Record<string, Place> = {
      aws: await awsPlace("aws", chronicle, random.stream("aws")),
      google: await googlePlace("google", chronicle, random.stream("google")),
      files: filePlace("files", at("files"), chronicle),
    };
    for (const place of Object.values(places)) ends.push(() => place.close());

    const texts = new Map<string, string>();
    const targets = planTargets(size, random.stream("targets"));
    const destinations = targets.flatMap((target) => target.destinations);
    const seeded = await console.seedKeys(targets.map(({ name, ageDays }) => ({ name: `${name}-1`, ageDays })));
    const others = await console.seedKeys(
      Array.from({ length: BYSTANDERS }, (_, n) => ({ name: `bystander-${n}`, ageDays: 200 + n })),
    );
    for (const { key, secret } of [...seeded, ...others]) texts.set(key.id, secret);
    for (const [name, dests] of Map.groupBy(destinations, ({ store, secret }) => `${store}/${secret}`)) {
      const keys = dests.map(({ target, field }) => [
        field ?? "",
        seeded[targets.findIndex((one) => one.name === target)]?.secret ?? "",
      ]);
      const [store = "", secret = ""] = name.split("/");
      await places[store]?.create(secret, Object.fromEntries(keys) as Record<string, string>);
    }

    const front = await startWire();
    ends.push(() => front.close());
    const replicas: Replica[] = [];
    const upUrl = (chance: Random): string | null => {
      const up = replicas.flatMap((replica) => replica.url() ?? []);
      return up.length === 0 ? null : chance.pick(up);
    };
    const clicks = random.stream("clicks");
    const signingSecret = randomBytes(16).toString("hex");
    const slack = await startSlackSandbox({
      signingSecret,
      interactionsUrl: () => `${upUrl(clicks) ?? "http://127.0.0.1:1"}/slack/interactions`,
      commandsUrl: () => `${upUrl(clicks) ?? "http://127.0.0.1:1"}/slack/commands`,
    });
    ends.push(() => slack.close());
    front.to = slack.url;
    const slackPlug = await cuttableProxy(Number(new URL(front.url).port));
    ends.push(() => slackPlug.cut());

    const apiToken = randomBytes(32).toString("base64url");
    const secrets = {
      "admin-key": organization.adminKey,
      "slack-bot": slack.botToken,
      "slack-signing": signingSecret,
      "api-token": apiToken,
    };
    for (const [name, text] of Object.entries(secrets)) await writeFile(at(name), text, { mode: 0o600 });
    const file = (name: keyof typeof secrets) => `file:${at(name)}`;
    const config = {
      install: INSTALL,
      // The budget for a real organization would be what everything waits for here.
      anthropic: { adminKey: file("admin-key"), baseUrl: organization.url, requestsPerMinute: 30_000 },
      redis: redis.config,
      schedule: { scan: "*/30 * * * * *" },
      policy: SITE_POLICY,
      stores: Object.fromEntries(Object.entries(places).map(([name, place]) => [name, place.config])),
      targets: Object.fromEntries(
        targets.map(({ name, destinations: dests, policy }) => [
          name,
          {
            destinations: dests.map(({ store, secret, field }) => ({
              store,
              secret,
              ...(field === null ? {} : { field }),
            })),
            ...(policy === null ? {} : { policy }),
          },
        ]),
      ),
      approvers: { slack: { groups: [slack.group] }, cli: ["*"] },
      slack: {
        botToken: file("slack-bot"),
        signingSecret: file("slack-signing"),
        channel: slack.channel,
        appId: slack.appId,
        apiUrl: `http://127.0.0.1:${slackPlug.port}/api/`,
        cardsAtOnce: 50,
      },
      api: { tokens: { driver: { token: file("api-token"), scopes: ["read", "decide", "emergency"] } } },
      audit: { file: at("audit.jsonl"), log: false },
      http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    };
    await writeFile(at("keyturn.yaml"), stringify(config));

    const env = {
      PATH: process.env["PATH"] ?? "",
      KEYTURN_LOG_LEVEL: "info",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    };
    for (let n = 1; n <= REPLICAS; n++) {
      const name = `serve-${n}`;
      const one = replicaOf({
        name,
        args: ["serve", "--config", at("keyturn.yaml")],
        env,
        logFile: at(`${name}.log`),
        ended: (how, wasReady) => timeline.note(wasReady ? "replica.died" : "replica.not_started", { name, how }),
      });
      replicas.push(one);
      ends.push(() => one.kill());
    }
    for (const one of replicas) await one.start();

    const byDigest = new Map<string, string>();
    const deeds: Deed[] = [];
    return {
      dir,
      timeline,
      chronicle,
      console,
      requestLog: join(at("organization"), "requests.jsonl"),
      redis,
      places,
      slack,
      slackWire: front,
      slackPlug,
      replicas,
      targets,
      destinations,
      bystanders: others.map(({ key }) => key.id),
      configFile: at("keyturn.yaml"),
      auditFile: at("audit.jsonl"),
      apiToken,
      texts,
      deeds,
      did: (deed) => {
        deeds.push(deed);
        const { kind: deedKind, at: when, ...facts } = deed;
        timeline.note(`people.${deedKind}`, { when, ...facts });
      },
      read: (dest) => {
        const place = places[dest.store];
        if (place === undefined) throw new Error(`no store ${dest.store}`);
        return place.read(dest);
      },
      idOf: (text) => {
        if (byDigest.size !== texts.size) for (const [id, known] of texts) byDigest.set(digestOf(known), id);
        return byDigest.get(digestOf(text)) ?? null;
      },
      anyUrl: upUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The sandbox organization as a process of its own. */
async function startOrganization(state: string): Promise<{ url: string; adminKey: string; end(): Promise<void> }> {
  const program = join(import.meta.dirname, "../../src/sandbox/main.ts");
  const child: ChildProcess = spawn(process.execPath, [program, "--state", state, "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { url, adminKey } = JSON.parse(line) as { url: string; adminKey: string };
  return {
    url,
    adminKey,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
