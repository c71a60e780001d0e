import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const TEAM = "T0BENCH";
export const USER = "U0BENCH";

/** As much of Slack as an approval asks: who the person is, now; messages and private answers are taken and forgotten. */
export async function startSlackServer(): Promise<{
  url: string;
  /** Requests so far, by the last part of the path. */
  counts: Map<string, number>;
  stop(): Promise<void>;
}> {
  const counts = new Map<string, number>();
  let stamp = 0;
  const server = createServer((request, response) => {
    const method = request.url?.split("/").at(-1) ?? "";
    counts.set(method, (counts.get(method) ?? 0) + 1);
    request.resume();
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ok: true, ...answerTo(method, ++stamp) }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answerTo(method: string, stamp: number): object {
  switch (method) {
    case "auth.test":
      return { team_id: TEAM, user_id: "U0BOT", bot_id: "B0BOT" };
    case "users.info":
      return { user: { id: USER, team_id: TEAM, name: "bench", profile: { email: "bench@example.com" } } };
    case "conversations.open":
      return { channel: { id: "D0BENCH" } };
    default:
      return { ts: `${1_700_000_000 + stamp}.000100`, channel: "C0BENCH" };
  }
}
