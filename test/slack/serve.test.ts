import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { rotate } from "../../src/app/rotate.ts";
import { type App, compose } from "../../src/compose.ts";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { type Server, startServer } from "../../src/serve.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { eventually } from "../support/quiet-log.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { socketServer } from "./socket-server.ts";
import { aClick, responseBox, valueOf } from "./rig.ts";

const SECRET = "the-signing-secret-of-a-whole-installation";
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  for (const name of ["KT_TEST_BOT_TOKEN", "KT_TEST_SIGNING_SECRET", "KT_TEST_APP_TOKEN"]) delete process.env[name];
});
const ana = { name: "cli:ana@laptop", via: "cli" } as const;

async function serveWith(slack: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const redis = await startRedisServer();
  closing.push(() => redis.stop());
  const lab: Lab = await startLab(redis.url, {
    slack: { botToken: "env:KT_TEST_BOT_TOKEN", signingSecret: "env:KT_TEST_SIGNING_SECRET", ...slack },
    http: { host: "127.0.0.1", port: 0, metricsPort: 0, publicUrl: "https://keyturn.example.com" },
    schedule: { scan: "0 0 1 1 *", timeZone: "UTC" },
    ...more,
  });
  closing.push(() => lab.close());
  await lab.target("billing", 100);
  const app: App = await compose(loadConfig({ path: lab.configFile }), { log: pino({ level: "silent" }) });
  closing.push(() => app.close());
  const server: Server = await startServer(app);
  closing.push(async () => {
    for (const part of server.parts) await part.close(2000);
  });
  return { lab, app, server };
}

describe("`serve` with Slack", () => {
  it("a card comes, a person approves it, the private message brings a link; a command and a form are answered", async () => {
    let port = 0;
    const slack: SlackSandbox = await startSlackSandbox({
      signingSecret: SECRET,
      interactionsUrl: () => `http://127.0.0.1:${port}/slack/interactions`,
      commandsUrl: () => `http://127.0.0.1:${port}/slack/commands`,
    });
    closing.push(() => slack.close());
    process.env["KT_TEST_BOT_TOKEN"] = slack.botToken;
    process.env["KT_TEST_SIGNING_SECRET"] = SECRET;
    const { app, server } = await serveWith(
      { channel: slack.channel, apiUrl: slack.apiUrl, appId: slack.appId },
      { approvers: { slack: { groups: [slack.group] }, cli: ["*"] } },
    );
    port = server.ports.http;
    const r = await rotate(app.deps, "billing", ana, null);
    const load = async () => (await app.deps.rotations.load(r.id))?.state;
    const seenBy = (as: string) => JSON.stringify(slack.messages(as).map(({ text, blocks }) => [text, blocks]));
    await eventually(() => seenBy("U0ANA").includes(ACTION.approve), 20_000);

    expect((await slack.click({ as: "U0OLGA", actionId: ACTION.approve })).status).toBe(200);
    await eventually(() => seenBy("U0OLGA").includes("not among the approvers"));
    expect(seenBy("U0ANA")).not.toContain("not among the approvers");
    expect(await load()).toBe("awaiting_approval");

    const said = await slack.command("U0ANA", "/keyturn status billing");
    expect(said.body).toContain("billing is waiting for approval");

    expect((await slack.click({ as: "U0ANA", actionId: ACTION.approve })).status).toBe(200);
    expect(await load()).toBe("awaiting_replacement");
    await eventually(() => seenBy("U0ANA").includes("Approved. billing"));
    await eventually(() => seenBy("U0ANA").includes("https://keyturn.example.com/intake#"), 20_000);
    expect(seenBy("U0OLGA")).not.toContain("/intake#");

    expect((await slack.command("U0ANA", "/keyturn revoke billing")).status).toBe(200);
    expect((await slack.submit("U0ANA", {})).body).toContain("is being deactivated");
    await eventually(async () => (await app.deps.rotations.load(r.id))?.reason === "compromised");
  });

  it("with an app token, clicks come over Socket Mode and there is no address for them", async () => {
    const slack = await socketServer();
    closing.push(() => slack.close());
    const box = await responseBox();
    closing.push(() => box.close());
    process.env["KT_TEST_BOT_TOKEN"] = "not-a-token";
    process.env["KT_TEST_SIGNING_SECRET"] = SECRET;
    process.env["KT_TEST_APP_TOKEN"] = ["xapp", "1", "test"].join("-");
    const { server } = await serveWith(
      { channel: "C0KEYS", apiUrl: slack.apiUrl, appToken: "env:KT_TEST_APP_TOKEN", teamId: "T0TEAM" },
      { approvers: { slack: { users: ["U0BEN"] }, cli: ["*"] } },
    );
    await eventually(() => slack.greeted() === 1);
    const posted = await fetch(`http://127.0.0.1:${server.ports.http}/slack/interactions`, { method: "POST" });
    expect(posted.status).toBe(404);
    const value = valueOf({ id: "rot_unknown", planHash: "0".repeat(64) } as Parameters<typeof valueOf>[0]);
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value }));
    await eventually(() => box.posts.length === 1);
    expect(box.posts[0]?.text).toContain("older than what Keyturn remembers");
  });

  it("a signing secret that cannot be read is told at the start", async () => {
    process.env["KT_TEST_BOT_TOKEN"] = "not-a-token";
    await expect(serveWith({ channel: "C0KEYS", teamId: "T0TEAM" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("slack.signingSecret"),
    });
  });
});
