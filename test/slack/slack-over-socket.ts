import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { type SocketServer, socketServer } from "./socket-server.ts";

/** The simulated workspace, whose clicks and commands go through a real Socket Mode connection instead of HTTP. */
export interface SlackOverSocket {
  sandbox: SlackSandbox;
  socket: SocketServer;
  /** For `slack.apiUrl`. */
  apiUrl: string;
  /** Whether Slack takes connections. */
  accepting: boolean;
  close(): Promise<void>;
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

export async function slackOverSocket(): Promise<SlackOverSocket> {
  const socket = await socketServer();
  const state = { accepting: true };
  // Where Slack would post: handed to whoever is connected; nobody there is no answer, as at Slack.
  const bridge = createServer((request, response) => {
    void (async () => {
      const form = new URLSearchParams(await bodyOf(request));
      const payload = form.get("payload");
      if (socket.open() === 0) return response.destroy();
      const ack =
        payload === null
          ? await socket.send("slash_commands", Object.fromEntries(form))
          : await socket.send("interactive", JSON.parse(payload) as object);
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(ack ?? {}));
    })().catch(() => response.destroy());
  });
  const bridgeUrl = await listen(bridge);
  const sandbox = await startSlackSandbox({
    signingSecret: "s".repeat(32),
    interactionsUrl: () => bridgeUrl,
    commandsUrl: () => bridgeUrl,
  });
  // One address for the Web API: connections are the socket server's matter, all else the workspace's.
  const front = createServer((request, response) => {
    void (async () => {
      const method = (request.url ?? "").replace(/^.*\/api\//, "");
      const isConnect = method === "apps.connections.open";
      if (isConnect && !state.accepting) return response.writeHead(503).end();
      const answer = await fetch(`${isConnect ? socket.apiUrl : sandbox.apiUrl}${method}`, {
        method: "POST",
        body: await bodyOf(request),
        headers: {
          authorization: request.headers.authorization ?? "",
          "content-type": request.headers["content-type"] ?? "",
        },
      });
      return response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
    })().catch(() => response.destroy());
  });
  const apiUrl = `${await listen(front)}/api/`;
  return Object.assign(state, {
    sandbox,
    socket,
    apiUrl,
    close: async () => {
      for (const server of [front, bridge]) {
        server.closeAllConnections();
        server.close();
      }
      await sandbox.close();
      await socket.close();
    },
  });
}
