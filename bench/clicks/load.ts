import { createHmac, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { ACTION, menuBlock } from "../../src/slack/actions.ts";
import { TEAM, USER } from "./slack-server.ts";

/** Where the clicked cards stand. */
export const CARD = { channel: "C0BENCH", ts: "1700000000.000100" };

export interface Load {
  perSecond: number;
  /** Values of buttons; one click each. */
  values: readonly string[];
  port: number;
  signingSecret: string;
  responseUrl: string;
}

/**
 * Sends the clicks at a steady pace, whether earlier ones were answered or not, and measures each from the moment when it
 * was due. @returns milliseconds until the acknowledgement, in the order of the clicks @throws when one is not taken
 */
export async function clickAll({ perSecond, values, port, signingSecret, responseUrl }: Load): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const start = performance.now() + 200;
  const waits = values.map(async (value, i) => {
    const due = start + (i * 1000) / perSecond;
    await pause(Math.max(0, due - performance.now()));
    const status = await post(agent, port, signingSecret, payload(value, `${responseUrl}/respond`, i));
    if (status !== 200) throw new Error(`click ${i} was answered ${status}`);
    return performance.now() - due;
  });
  const all = await Promise.all(waits);
  agent.destroy();
  return all;
}

function payload(value: string, response_url: string, i: number): string {
  const click = {
    type: "block_actions",
    api_app_id: "A0BENCH",
    team: { id: TEAM, domain: "bench" },
    user: { id: USER, username: "bench", team_id: TEAM },
    trigger_id: randomUUID(),
    channel: { id: CARD.channel, name: "bench" },
    message: { ts: CARD.ts, text: "card" },
    response_url,
    actions: [
      {
        type: "button",
        block_id: menuBlock("keyturn_card", value),
        action_id: ACTION.approve,
        action_ts: `${i}.1`,
        value,
      },
    ],
  };
  return new URLSearchParams({ payload: JSON.stringify(click) }).toString();
}

function post(agent: Agent, port: number, secret: string, body: string): Promise<number> {
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(body),
    "x-slack-request-timestamp": String(timestamp),
    "x-slack-signature": `v0=${signature}`,
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path: "/slack/interactions", method: "POST", agent, headers },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
