import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RunOnceResult } from "../../src/run-once.ts";
import type { Message } from "../../src/sandbox/slack/model.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { POLICY, type Installation, install } from "../e2e/installation.ts";
import { type Spawned, errorOf, spawnKeyturn } from "../support/cli.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type SlackOverSocket, slackOverSocket } from "./slack-over-socket.ts";

let redis: RedisServer;
let slack: SlackOverSocket;
let at: Installation;
let outgoing: { id: string; text: string };
let started: Spawned[] = [];
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  slack = await slackOverSocket();
  at = await install(redis);
  await at.configure({
    slack: {
      botToken: await secret("bot-token", slack.sandbox.botToken),
      appToken: await secret("app-token", ["xapp", "1", "test"].join("-")),
      channel: slack.sandbox.channel,
      teamId: slack.sandbox.teamId,
      apiUrl: slack.apiUrl,
    },
    approvers: { slack: { users: ["U0ANA"] }, cli: ["*"] },
    // Nobody listens there in a job: no card and no message may lead to it.
    http: { publicUrl: "https://keyturn.example.com" },
    schedule: { mode: "cronjob", scan: "*/15 * * * *" },
  });
  outgoing = await at.target("billing", 100);
});
afterEach(async () => {
  for (const s of started) s.process.kill("SIGKILL");
  await Promise.all(started.map((s) => s.ended));
  started = [];
  await at.close();
  await slack.close();
});

async function secret(name: string, value: string): Promise<string> {
  const file = join(at.dir, name);
  await writeFile(file, value, { mode: 0o600 });
  return `file:${file}`;
}

function runOnce(...more: string[]): Spawned {
  const spawned = spawnKeyturn(["run-once", ...more, "--json", "--config", at.configFile]);
  started.push(spawned);
  return spawned;
}
const resultOf = (stdout: string) => JSON.parse(stdout) as RunOnceResult;
const card = () => slack.sandbox.messages().find(({ blocks }) => blocks[0]?.["type"] === "header");
const cardText = () => JSON.stringify(card()?.blocks ?? []);
const seenBy = (person: string) => JSON.stringify(slack.sandbox.messages(person).map(({ text }) => text));
const buttonsOf = (message: Message | undefined) => message?.blocks.filter((block) => block["type"] === "actions");
const hasButton = () => cardText().includes(ACTION.approve);
/** Its own work is done, and people see buttons. */
const waits = (run: Spawned) => eventually(() => run.stderr().includes("run_once.waiting") && hasButton(), 30_000);
const state = async () => (await at.shown(0, "show", "billing")).state;

describe("R21: `run-once --wait` hears people over Socket Mode", () => {
  it("an approval during the wait moves the rotation on; at its end the card shows the command and no button", async () => {
    const run = runOnce("--wait", "20s");
    await eventually(hasButton, 30_000);
    expect(cardText()).not.toContain("keyturn.example.com");
    expect((await slack.sandbox.click({ as: "U0ANA", actionId: ACTION.approve })).status).toBe(200);
    expect(await state()).toBe("awaiting_replacement");
    await eventually(() => seenBy("U0ANA").includes("Approved. billing"));
    const ended = await run.ended;
    expect(ended.code).toBe(0);
    // The document is the last line, and the only one, on stdout.
    expect(ended.stdout.split("\n")).toHaveLength(2);
    expect(resultOf(ended.stdout)).toMatchObject({
      waited: { because: "time" },
      waiting: [{ state: "awaiting_replacement", for: "operator" }],
    });
    expect(buttonsOf(card())).toEqual([]);
    expect(cardText()).toContain("keyturn submit");
    expect(slack.socket.open()).toBe(0);
  });

  it("a key that was staged in the secrets manager meanwhile is taken up by the next run", async () => {
    const first = runOnce("--wait", "60s");
    // Before that a signal interrupts its work, which is no success.
    await waits(first);
    await slack.sandbox.click({ as: "U0ANA", actionId: ACTION.approve });
    await eventually(async () => (await state()) === "awaiting_replacement");
    first.process.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    const made = await at.console.createKey({ name: "the new key of billing" });
    await writeFile(join(at.dir, ".billing.env.keyturn-pending"), `ANTHROPIC_API_KEY=${made.secret}\n`, {
      mode: 0o600,
    });
    const second = await runOnce().ended;
    expect(second.code).toBe(0);
    expect(resultOf(second.stdout).advanced).toMatchObject([{ from: "awaiting_replacement" }]);
    expect(await at.value("billing")).toBe(made.secret);
    expect(await at.status(outgoing.id)).toBe("inactive");
  });

  it("SIGTERM during the wait: 0, well within 30 s, and the card names the command before the process is gone", async () => {
    const run = runOnce("--wait", "10m");
    await waits(run);
    const before = Date.now();
    run.process.kill("SIGTERM");
    const ended = await run.ended;
    expect([ended.code, resultOf(ended.stdout).waited?.because]).toEqual([0, "signal"]);
    expect(Date.now() - before).toBeLessThan(25_000);
    expect(buttonsOf(card())).toEqual([]);
    expect(cardText()).toContain("keyturn approve");
  });

  it("SIGTERM before its own work is done: 75, and no button is left that nobody hears", async () => {
    const gate = await at.console.addFault({ match: { path: "^/v1/models" }, times: null, fault: { kind: "gate" } });
    const run = runOnce("--wait", "10m");
    await at.console.untilFaultHits(gate, 1, 30_000);
    run.process.kill("SIGTERM");
    const ended = await run.ended;
    expect([ended.code, errorOf(ended).code]).toEqual([75, "interrupted"]);
    await at.console.removeFault(gate);
    expect((await runOnce().ended).code).toBe(0);
    expect([buttonsOf(card()), cardText().includes("keyturn approve")]).toEqual([[], true]);
  });

  it("nobody has anything to decide any more: the run ends by itself", async () => {
    const run = runOnce("--wait", "10m");
    await eventually(hasButton, 30_000);
    expect((await at.run("reject", "billing")).code).toBe(0);
    const ended = await run.ended;
    expect([ended.code, resultOf(ended.stdout).waited?.because]).toEqual([0, "nobody"]);
    expect(cardText()).toContain("rejected");
  });

  it("every click gets an answer: of an outsider, of a second person, and one in the last moment is carried out", async () => {
    const run = runOnce("--wait", "10m");
    await eventually(hasButton, 30_000);
    expect((await slack.sandbox.click({ as: "U0OLGA", actionId: ACTION.approve })).status).toBe(200);
    await eventually(() => seenBy("U0OLGA").includes("not among the approvers"));
    await waits(run);
    // Pressed while the buttons are being taken away: the screen still shows them.
    run.process.kill("SIGTERM");
    await eventually(() => run.stderr().includes("run_once.wait_ended"));
    const pressed = await slack.sandbox.click({ as: "U0ANA", actionId: ACTION.approve });
    expect(pressed.status).toBe(200);
    expect((await run.ended).code).toBe(0);
    expect(seenBy("U0ANA")).toContain("Approved. billing");
    expect(await state()).toBe("awaiting_replacement");
    expect(buttonsOf(card())).toEqual([]);
    expect(cardText()).toContain("keyturn submit");
  });

  it("Slack takes no connection: the card comes with commands, and gets buttons as soon as clicks can be heard", async () => {
    slack.accepting = false;
    const run = runOnce("--wait", "10m");
    await eventually(() => card() !== undefined, 40_000);
    expect(buttonsOf(card())).toEqual([]);
    expect(cardText()).toContain("keyturn approve");
    slack.accepting = true;
    await eventually(hasButton, 40_000);
    run.process.kill("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });

  it("a killed run leaves buttons that the next one takes away or brings to life", async () => {
    const run = runOnce("--wait", "10m");
    await waits(run);
    await eventually(async () => (await redis.client.keys("*lease:deliver:*")).length === 0, 30_000);
    run.process.kill("SIGKILL");
    await run.ended;
    const next = runOnce("--wait", "10m");
    await eventually(() => slack.socket.open() === 1 && next.stderr().includes("run_once.waiting"), 30_000);
    await slack.sandbox.click({ as: "U0ANA", actionId: ACTION.approve });
    await eventually(async () => (await state()) === "awaiting_replacement");
    // As 45 s later: the killed one counts as there until then.
    await redis.client.del("{keyturn}:serving");
    next.process.kill("SIGTERM");
    expect((await next.ended).code).toBe(0);
    expect(buttonsOf(card())).toEqual([]);
  });
});

describe("R21: without ears nobody waits", () => {
  it("--wait without slack.appToken is refused before anything happens, with the reason", async () => {
    await at.configure({
      slack: {
        botToken: await secret("bot-token", slack.sandbox.botToken),
        signingSecret: await secret("signing", "s".repeat(32)),
        channel: slack.sandbox.channel,
        apiUrl: slack.apiUrl,
      },
    });
    const ran = await at.run("run-once", "--wait", "1m", "--json");
    expect(ran.code).toBe(78);
    expect(errorOf(ran).message).toContain("slack.appToken is not set, so nobody would hear a click");
    expect((await at.run("list", "--json")).stdout.trim()).toBe("[]");
    await at.configure({ slack: undefined, approvers: undefined });
    expect(errorOf(await at.run("run-once", "--wait", "1m", "--json")).message).toContain("there is no slack section");
  });

  it.each(["soon", "0s", "-1m"])("--wait %s is no duration: 64", async (given) => {
    expect((await at.run("run-once", `--wait=${given}`, "--json")).code).toBe(64);
  });

  it("without --wait the card names the command, and every run looks at all timers", async () => {
    await at.configure({ policy: { ...POLICY, approval: { required: true, approvals: 1, expiresAfter: "1s" } } });
    expect((await runOnce().ended).code).toBe(0);
    expect([buttonsOf(card()), cardText().includes("keyturn approve")]).toEqual([[], true]);
    await eventually(async () => {
      await at.runOnce();
      return (await at.shown(0, "list", "--all")) !== null && (await state()) === "expired";
    }, 30_000);
  });
});
