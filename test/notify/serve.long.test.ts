import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runOnce } from "../../src/run-once.ts";
import { type Server, startServer } from "../../src/serve.ts";
import { approve } from "../../src/app/approve.ts";
import { rotate } from "../../src/app/rotate.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { ana } from "../support/drive.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Receiver, startReceiver, verifies } from "./receiver.ts";

const KEY = Buffer.alloc(32, 5);
const TOKEN = "token-".repeat(6);

let redis: RedisServer;
let receiver: Receiver;
let lab: Lab;
beforeAll(async () => {
  redis = await startRedisServer();
  receiver = await startReceiver();
  lab = await startLab(redis.url, { http: { host: "127.0.0.1", port: 0, metricsPort: 0 } });
  const secret = join(lab.dir, "webhook-secret");
  const token = join(lab.dir, "api-token");
  await writeFile(secret, ["whsec", KEY.toString("base64")].join("_"), { mode: 0o600 });
  await writeFile(token, TOKEN, { mode: 0o600 });
  await lab.configure({
    webhooks: { ops: { url: receiver.url, secret: `file:${secret}` } },
    api: { tokens: { bot: { token: `file:${token}`, scopes: ["read", "decide", "emergency"] } } },
  });
});
afterAll(async () => {
  await lab.close();
  await receiver.close();
  await redis.stop();
});

async function close(server: Server): Promise<void> {
  for (const part of server.parts) await part.close(5000);
}
const types = () => receiver.received.map((each) => each.message.type.replace("rotation.", ""));
const HEALTHY =
  "opened approved staged verified promoted propagated drained outgoing_inactive elapsed outgoing_gone".split(" ");

it("a rotation that is driven over the HTTP API is told to the webhook from its opening to its end, in order, each once", async () => {
  await lab.target("billing", 100);
  const app = await lab.app();
  const server = await startServer(app);
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${server.ports.http}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return {
      status: response.status,
      json: (await response.json()) as { id: string; state: string; planHash: string },
    };
  };
  try {
    const opened = await call("POST", "/targets/billing/rotate", { reason: "e2e" });
    expect(opened.status).toBe(201);
    const { id, planHash } = opened.json;
    // Told within moments of the change, not at the next poll.
    await eventually(() => types().includes("opened"), 1500);
    await call("POST", `/rotations/${id}/approve`, { planHash });
    const key = await lab.console.createKey({ name: "billing-replacement" });
    await submit(app.deps, id, key.secret, ana.actor, { keyId: null, acceptExpiry: false, replace: false });
    await eventually(async () => (await call("GET", `/rotations/${id}`)).json.state === "completed", 60_000);
    await eventually(() => types().includes("outgoing_gone"), 10_000);
    expect(types()).toEqual(HEALTHY);
    for (const each of receiver.received) expect(verifies(each, KEY, Date.now() / 1000)).toBe(true);
    await eventually(async () => (await redis.client.zcard("{keyturn}:outbox")) === 0, 5000);
    expect(await redis.client.hlen("{keyturn}:outbox-delivered")).toBe(0);
    expect(await redis.client.pttl(`{keyturn}:outbox-memory:${id}`)).toBeGreaterThan(0);
    const everything = JSON.stringify(receiver.received.map((each) => [each.headers, each.text]));
    expect(everything).not.toContain(key.secret.slice(20, 40));
    expect(everything).not.toContain(TOKEN);
  } finally {
    await close(server);
  }
});

it("without a server, run-once tells at its end what was decided on the command line", async () => {
  receiver.received.splice(0);
  await lab.target("reports", 10);
  const app = await lab.app();
  const { id } = await rotate(app.deps, "reports", ana.actor, null);
  await approve(app.deps, id, ana);
  expect(receiver.received).toEqual([]);
  receiver.answers.push(503);
  await runOnce(app);
  expect(types()).toEqual(["opened"]);
  await eventually(async () => (await redis.client.zcount("{keyturn}:outbox", 0, Date.now())) > 0, 5000);
  await runOnce(app);
  expect(types()).toEqual(["opened", "opened", "approved"]);
});

it("what is missing of a webhook or token is told before anything starts", async () => {
  const short = join(lab.dir, "short");
  await writeFile(short, "short", { mode: 0o600 });
  await lab.configure({ webhooks: { ops: { url: receiver.url, secret: `file:${short}` } }, api: { tokens: {} } });
  const refusal = { code: "CONFIG_INVALID", message: expect.stringContaining("webhooks.ops.secret") as string };
  const app = await lab.app();
  await expect(startServer(app)).rejects.toMatchObject(refusal);
  await expect(runOnce(app)).rejects.toMatchObject(refusal);
});
