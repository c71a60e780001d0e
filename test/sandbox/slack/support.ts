import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type SlackSandbox, type SlackSandboxOptions, startSlackSandbox } from "../../../src/sandbox/slack/start.ts";

export const SIGNING_SECRET = "0123456789abcdef".repeat(2);

export interface Received {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** An app that notes what arrives and answers as it is told. */
export async function startApp(answer: (received: Received) => { status?: number; body?: string } = () => ({})) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => (body += bytes.toString()));
    request.on("end", () => {
      const one = { path: request.url ?? "", headers: request.headers, body };
      received.push(one);
      const { status = 200, body: text = "" } = answer(one);
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A chat for one test. @param app where clicks and commands go */
export async function startChat(
  app = "http://127.0.0.1:9",
  more: Partial<SlackSandboxOptions> = {},
): Promise<SlackSandbox> {
  const chat = await startSlackSandbox({
    signingSecret: SIGNING_SECRET,
    interactionsUrl: () => `${app}/interactions`,
    commandsUrl: () => `${app}/commands`,
    ...more,
  });
  onTestFinished(() => chat.close());
  return chat;
}

export const plain = (text: string) => ({ type: "plain_text", text }) as const;
export const approveButton = {
  type: "button",
  action_id: "approve",
  text: plain("Approve"),
  value: "rot_1|0011223344556677",
} as const;
export const card = [
  { type: "section", text: { type: "mrkdwn", text: "*app* needs a new key" } },
  { type: "actions", block_id: "decide", elements: [approveButton] },
] as const;
