import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { compose } from "../../src/compose.ts";
import { runOnce } from "../../src/run-once.ts";
import { startServer } from "../../src/serve.ts";
import { startLab } from "../support/lab.ts";
import { eventually } from "../support/quiet-log.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { BOT_TOKEN, slackApi } from "../support/slack-api.ts";
import { buttons } from "./channel-rig.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  for (const name of ["KT_TEST_BOT_TOKEN", "KT_TEST_SIGNING_SECRET"]) delete process.env[name];
});

it("R21: `run-once` alone posts no button that nobody hears; `serve` brings them, and is then left to tell people", async () => {
  const slack = await slackApi();
  closing.push(() => slack.stop());
  const redis = await startRedisServer();
  closing.push(() => redis.stop());
  process.env["KT_TEST_BOT_TOKEN"] = BOT_TOKEN;
  process.env["KT_TEST_SIGNING_SECRET"] = "the-signing-secret-of-a-whole-installation";
  const channel = await slack.channel("keys");
  const lab = await startLab(redis.url, {
    slack: {
      botToken: "env:KT_TEST_BOT_TOKEN",
      signingSecret: "env:KT_TEST_SIGNING_SECRET",
      channel,
      apiUrl: slack.url,
    },
    http: { host: "127.0.0.1", port: 0, metricsPort: 0, publicUrl: "https://keyturn.example.com" },
    schedule: { scan: "0 0 1 1 *", timeZone: "UTC" },
  });
  closing.push(() => lab.close());
  await lab.target("billing", 100);
  const app = await compose(loadConfig({ path: lab.configFile }), { log: pino({ level: "silent" }) });
  closing.push(() => app.close());

  await runOnce(app);
  const [card] = await slack.messages(channel);
  expect(card?.text).toContain("Replace the key of billing?");
  expect(buttons(card)).toEqual([]);
  expect(JSON.stringify(card?.blocks)).toContain("keyturn approve");

  const server = await startServer(app);
  closing.push(async () => {
    for (const part of server.parts) await part.close(2000);
  });
  await eventually(async () => buttons((await slack.messages(channel))[0]).length > 2);
  const calls = slack.calls.length;
  await runOnce(app);
  expect(slack.calls.slice(calls).filter((c) => c.method.startsWith("chat."))).toEqual([]);
  expect(await slack.messages(channel)).toHaveLength(1);
});
