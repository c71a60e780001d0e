import type { IncomingMessage, ServerResponse } from "node:http";
import { BodyRefused, readBody } from "./body.ts";
import type { Answer, Route } from "./server.ts";

/** Slack's own payloads stay far below. */
const MAX_BODY = 256 * 1024;

/** Takes a signed request whole; answers itself, or says with which status to refuse. */
export type TakeSigned = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
) => Promise<{ status: number } | undefined>;

/** Where Slack posts clicks, forms and commands. A refusal has nothing in its body. */
export function slackRoutes(paths: readonly string[], take: TakeSigned): Route[] {
  return paths.map((path) => ({
    method: "POST",
    path,
    handle: async (request, response): Promise<Answer | undefined> => {
      let body: Buffer;
      try {
        body = await readBody(request, MAX_BODY);
      } catch (error) {
        if (error instanceof BodyRefused) return { status: error.status, body: "", headers: { connection: "close" } };
        throw error;
      }
      const refused = await take(request, response, body);
      return refused === undefined ? undefined : { ...refused, body: "" };
    },
  }));
}
