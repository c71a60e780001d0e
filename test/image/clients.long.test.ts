import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT, SECRET, type GoogleSecret, openGoogleSecret } from "../../src/demo/google.ts";
import { SecretManager } from "../../src/sandbox/google/secret-manager.ts";
import { serveGoogle } from "../../src/sandbox/google/server.ts";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { type TestIssuer, startIssuer } from "../http/sign-in/issuer.ts";
import { type SocketServer, socketServer } from "../slack/socket-server.ts";
import { type AwsAdmin, awsAdmin } from "../support/aws-admin.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { startMoto } from "../support/moto.ts";
import { eventually } from "../support/quiet-log.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { type Built, buildImage } from "./build.ts";
import { type Serving, freePorts, handOver, startServe } from "./container.ts";

/*
 * Every client that is loaded late, at work in the image: what the packages were pruned of must not be missed by any. Servers:
 * Redis, moto, the simulated Google Secret Manager (gRPC) and Slack, a WebSocket server, an OpenID Connect issuer.
 */
const SIGNING = "the-signing-secret-of-an-image-test";
const FIELD = "ANTHROPIC_API_KEY";
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

let built: Built;
let lab: Lab;
let aws: AwsAdmin;
let google: GoogleSecret;
let slack: SlackSandbox;
let socket: SocketServer;
let issuer: TestIssuer;
let http: { port: number; metricsPort: number };
let flags: string[];

const secret = (name: string, text: string): string => {
  writeFileSync(join(lab.dir, name), text, { mode: 0o600 });
  return `file:${join(lab.dir, name)}`;
};

beforeAll(async () => {
  built = await buildImage();
  closing.push(() => built.close());
  const redis = await startRedisServer();
  closing.push(() => redis.stop());
  const moto = await startMoto();
  closing.push(() => moto.stop());
  aws = awsAdmin(moto.url);
  const secrets = await serveGoogle(new SecretManager());
  closing.push(() => secrets.close());
  google = await openGoogleSecret(secrets.endpoint);
  closing.push(() => google.close());
  http = await freePorts();
  const publicUrl = `http://127.0.0.1:${http.port}`;
  slack = await startSlackSandbox({
    signingSecret: SIGNING,
    interactionsUrl: () => `${publicUrl}/slack/interactions`,
    commandsUrl: () => `${publicUrl}/slack/commands`,
  });
  closing.push(() => slack.close());
  socket = await socketServer();
  closing.push(() => socket.close());
  issuer = await startIssuer(`${publicUrl}/auth/callback`);
  closing.push(() => issuer.close());

  lab = await startLab(redis.url, { http: { host: "127.0.0.1", ...http, publicUrl }, schedule: { scan: "0 0 1 1 *" } });
  closing.push(() => lab.close());
  const { text } = await lab.target("billing", 100);
  await aws.put("billing", JSON.stringify({ [FIELD]: text }));
  await google.put(text);
  const places = { files: "billing.env", aws: "billing", google: SECRET };
  await lab.configure({
    stores: {
      files: { type: "dotenv-file", directory: lab.dir },
      aws: { type: "aws-secrets-manager", region: "eu-central-1" },
      google: { type: "google-secret-manager", project: PROJECT, endpoint: secrets.endpoint, insecure: true },
    },
    targets: {
      billing: { destinations: Object.entries(places).map(([store, name]) => ({ store, secret: name, field: FIELD })) },
    },
    slack: {
      botToken: secret("bot-token", slack.botToken),
      signingSecret: secret("signing-secret", SIGNING),
      channel: slack.channel,
      appId: slack.appId,
      apiUrl: slack.apiUrl,
    },
    approvers: { slack: { groups: [slack.group] }, cli: ["*"] },
    signIn: { oidc: { ...issuer.client, clientSecret: secret("oidc-secret", issuer.secret) } },
  });
  const forAws = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  flags = [...(await handOver(lab)), ...Object.entries(forAws).map(([name, value]) => `--env=${name}=${value}`)];
  // An image, and moto where it is not installed yet.
}, 600_000);

describe("the clients in the image", () => {
  it("rotate one key in AWS, Google and a file, approved with a click in Slack; BullMQ carries the steps", async () => {
    const serving: Serving = await startServe(built, flags);
    // 75 while the server makes up for a missing scan.
    await expect.poll(async () => (await serving.keyturn(["scan"])).code, { timeout: 60_000, interval: 500 }).toBe(0);
    const seen = () => JSON.stringify(slack.messages("U0ANA").map(({ blocks }) => blocks));
    await eventually(() => seen().includes(ACTION.approve), 60_000);
    expect((await slack.click({ as: "U0ANA", actionId: ACTION.approve })).status).toBe(200);
    const made = await lab.console.createKey({ name: "replacement" });
    expect((await serving.keyturn(["submit", "billing"], `${made.secret}\n`)).code).toBe(0);
    const waited = await serving.keyturn(["wait", "billing", "--for", "grace_period,completed", "--timeout", "90s"]);
    expect([waited.code, waited.stderr]).toEqual([0, ""]);
    const inAws = JSON.parse((await aws.text("billing")) ?? "{}") as Record<string, string>;
    expect([await lab.value("billing"), inAws[FIELD], await google.key()]).toEqual(Array(3).fill(made.secret));

    const started = await fetch(`http://127.0.0.1:${http.port}/auth/start`, { redirect: "manual" });
    expect([started.status, started.headers.get("location")]).toEqual([303, expect.stringContaining(issuer.url)]);

    const doctor = await serving.keyturn(["doctor", "--json"]);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; level: string }[] };
    const levels = Object.fromEntries(checks.map(({ name, level }) => [name, level]));
    for (const store of ["store files", "store aws", "store google"])
      expect([store, levels[store]]).toEqual([store, "pass"]);
    expect((await serving.stop()).code).toBe(0);
  });

  it("listen to Slack over Socket Mode", async () => {
    await lab.configure({
      slack: {
        botToken: secret("bot-token", "not-a-token"),
        appToken: secret("app-token", ["xapp", "1", "test"].join("-")),
        channel: slack.channel,
        teamId: slack.teamId,
        apiUrl: socket.apiUrl,
      },
    });
    await handOver(lab);
    const serving = await startServe(built, flags);
    await eventually(() => socket.greeted() === 1, 30_000);
    expect((await serving.stop()).code).toBe(0);
  });
});
