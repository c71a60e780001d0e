import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDesk } from "../../src/app/desk/desk.ts";
import { createRefusals } from "../../src/app/desk/refusals.ts";
import { systemClock } from "../../src/clock.ts";
import { createRedisReplays } from "../../src/redis/replays.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { ACTION } from "../../src/slack/actions.ts";
import type { Ears } from "../../src/slack/heard.ts";
import { createReplayGuard } from "../../src/slack/replay-guard.ts";
import { type SocketInbound, openSocketInbound } from "../../src/slack/socket.ts";
import { type MemoryDirectory, memoryDirectory } from "../support/doubles/memory-directory.ts";
import type { Drive } from "../support/drive.ts";
import { drives } from "../support/drives.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { CARD_PLACE, type ResponseBox, aClick, memoryReplays, recordingClient, responseBox, valueOf } from "./rig.ts";
import { type SocketServer, socketServer } from "./socket-server.ts";

const start = drives();
/** Built at run time: a text of this form in a file would look like a leak. */
const APP_TOKEN = ["xapp", "1", "A0APP", "test"].join("-");

describe("Socket Mode: the real receiver against a WebSocket server", () => {
  let d: Drive;
  let r: Rotation;
  let slack: SocketServer;
  let box: ResponseBox;
  let directory: MemoryDirectory;
  let client: ReturnType<typeof recordingClient>;
  let log: ReturnType<typeof listeningLog>;
  let connected: boolean[];
  const inbounds: SocketInbound[] = [];

  const connect = async () => {
    const refusals = createRefusals({ ...d.deps, log });
    const handover = {
      issueLink: async () => ({ url: "https://keyturn.example/intake#t", expiresAt: 0 }),
      sendLink: null,
    };
    const guard = createReplayGuard(memoryReplays());
    const ears: Ears = {
      desk: createDesk({ deps: d.deps, refusals, handover }),
      guard,
      refusals,
      appId: "A0APP",
      cardOf: async () => CARD_PLACE,
      log,
    };
    const before = slack.greeted();
    inbounds.push(
      await openSocketInbound({
        ears,
        client,
        appToken: SecretText.from(APP_TOKEN),
        apiUrl: slack.apiUrl,
        clock: systemClock,
        onConnected: (is) => connected.push(is),
        times: { retry: 10 },
      }),
    );
    return eventually(() => slack.greeted() > before);
  };

  beforeEach(async () => {
    d = await start();
    connected = [];
    directory = memoryDirectory(["U0BEN", "U0EVE", "U0OUTSIDER"]);
    d.deps.directory = directory;
    [slack, box, client, log] = [await socketServer(), await responseBox(), recordingClient(), listeningLog()];
    r = await d.open();
  });
  afterEach(async () => {
    for (const inbound of inbounds.splice(0)) await inbound.close(100);
    await slack.close();
    await box.close();
  });

  it("a click is acknowledged, decided and answered privately, as over HTTP", async () => {
    await connect();
    expect(slack.tokens).toEqual([`Bearer ${APP_TOKEN}`]);
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value: valueOf(r), card: r.id }));
    await eventually(() => box.posts.length === 1);
    expect(box.posts[0]?.text).toMatch(/^Approved\. billing/);
    expect((await d.load(r.id)).state).toBe("awaiting_replacement");
  });

  it("the decision is saved before the acknowledgement", async () => {
    await connect();
    const acked = slack.send("interactive", aClick(box, { action: ACTION.approve, value: valueOf(r) }));
    await acked;
    expect((await d.load(r.id)).state).toBe("awaiting_replacement");
  });

  it("P10: one action in two envelopes decides once, and the second is told so", async () => {
    await connect();
    const payload = aClick(box, { action: ACTION.approve, value: valueOf(r) });
    await Promise.all([slack.send("interactive", payload), slack.send("interactive", payload)]);
    await eventually(() => box.posts.length === 2);
    expect(box.posts.filter(({ text }) => text.startsWith("Already received"))).toHaveLength(1);
    expect((await d.load(r.id)).approvals).toHaveLength(1);
    expect((await d.audit()).filter((e) => e.action === "decision.refused")).toEqual([]);
    expect(slack.acks.size).toBe(2);
    await slack.send("interactive", payload);
    await eventually(() => box.posts.length === 3);
    expect(box.posts.filter(({ text }) => text.startsWith("Approved"))).toHaveLength(1);
  });

  it("P10: an outsider, a guest and another workspace are refused, answered and on record", async () => {
    await connect();
    const value = valueOf(r);
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value, user: "U0OUTSIDER" }));
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value, userTeam: "T0PARTNER" }));
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value, team: "T0OTHER" }));
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value, appId: "A0OTHER" }));
    await eventually(() => box.posts.length === 4);
    expect(box.posts.map(({ text }) => text).filter((text) => text.startsWith("Approved"))).toEqual([]);
    const refused = (await d.audit()).filter((e) => e.action.endsWith(".refused")).map((e) => e.evidence);
    expect(refused.map((e) => e["reason"] ?? e["code"])).toEqual([
      "NOT_AN_APPROVER",
      "guest",
      "NOT_AN_APPROVER",
      "foreign_app",
    ]);
    expect((await d.load(r.id)).approvals).toEqual([]);
  });

  it("a form's answer and a command's come back with the acknowledgement", async () => {
    await connect();
    await slack.send("interactive", aClick(box, { action: ACTION.reject, value: valueOf(r) }));
    await eventually(() => client.calls.length === 1);
    const view = client.calls[0]?.args["view"] as Record<string, unknown>;
    const ack = await slack.send("interactive", {
      type: "view_submission",
      api_app_id: "A0APP",
      team: { id: "T0TEAM" },
      user: { id: "U0BEN", team_id: "T0TEAM" },
      trigger_id: "7.7",
      view: { id: "V1", hash: "1.a", ...view, state: { values: { keyturn_reason: { text: { value: "not now" } } } } },
    });
    expect(JSON.stringify(ack)).toContain("Rejected. billing");
    const fields = { command: "/keyturn", text: "status", team_id: "T0TEAM", user_id: "U0BEN", api_app_id: "A0APP" };
    const said = await slack.send("slash_commands", { ...fields, trigger_id: "7.8", response_url: box.url() });
    expect(said).toMatchObject({ response_type: "ephemeral", text: expect.stringMatching(/^No rotation is open/) });
  });

  it("Slack ends the connection, as it does every few hours: the next one takes clicks", async () => {
    await connect();
    slack.disconnect();
    await eventually(() => slack.greeted() === 2, 10_000);
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value: valueOf(r) }));
    await eventually(() => box.posts.length === 1);
    expect((await d.load(r.id)).state).toBe("awaiting_replacement");
  });

  it("the token is revoked while connected: the process goes on, and clicks come again once it is replaced", async () => {
    await connect();
    slack.opening.splice(0, 1, "token_revoked", "token_revoked", null);
    slack.disconnect();
    await eventually(() => slack.greeted() === 2);
    // What `keyturn_slack_socket_connected` shows.
    await eventually(() => connected.length === 4);
    expect(connected).toEqual([false, true, false, true]);
    expect(log.events().filter((event) => event === "slack.connect_failed")).toHaveLength(2);
    await slack.send("interactive", aClick(box, { action: ACTION.approve, value: valueOf(r) }));
    await eventually(() => box.posts.length === 1);
  });

  it("Slack refuses the token at first: said by code alone, tried again until it works", async () => {
    slack.opening.unshift("invalid_auth", "token_revoked");
    await connect();
    const failures = log.lines.filter((line) => line.fields["event"] === "slack.connect_failed");
    expect(failures.map((line) => line.fields["reason"])).toEqual(["invalid_auth", "token_revoked"]);
    expect(JSON.stringify(log.lines)).not.toContain(APP_TOKEN);
  });
});

describe("what was seen, in a real Redis", () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedisServer();
  });
  afterEach(() => redis.stop());

  it("exactly one of many processes is the first to see a request or an action, and it is forgotten in time", async () => {
    const guards = Array.from({ length: 8 }, () =>
      createReplayGuard(createRedisReplays({ redis: redis.client, install: "kt" }), 5000),
    );
    const sights = await Promise.all(guards.map((guard) => guard.request("v0=abc")));
    expect(sights.toSorted()).toEqual([...Array.from({ length: 7 }, () => "again"), "first"]);
    expect(await guards[0]!.action(["v0=abc"])).toBe("first");
    const keys = await redis.client.keys("*");
    expect(keys).toHaveLength(2);
    expect(keys.join(" ")).not.toContain("v0=abc");
    for (const key of keys) expect(await redis.client.pttl(key)).toBeGreaterThan(590_000);
  });

  it("a Redis that is frozen is answered with `unknown`, in time", async () => {
    await redis.client.call("CLIENT", "PAUSE", "1000", "ALL");
    const guard = createReplayGuard(createRedisReplays({ redis: redis.client, install: "kt" }), 50);
    expect(await guard.request("v0=abc")).toBe("unknown");
  });
});
