import type { IncomingMessage, ServerResponse } from "node:http";
import { ZodError } from "zod";
import { answer } from "./api.ts";
import type { World } from "./api.ts";
import { CONSOLE_PAGE } from "./console-page.ts";
import { CONSOLE } from "./console.ts";
import { CONTROL } from "./control.ts";
import { send } from "./send.ts";
import { ApiRefusal, decoded, UNREADABLE } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

const MOST_BYTES = 32 * 1024 * 1024;

/** Everything that arrives on the port: the API, or one of the side doors. */
export async function handle(request: IncomingMessage, response: ServerResponse, world: World): Promise<void> {
  try {
    const call = await read(request);
    if (isSideDoor(call.path)) send(response, sideDoor(call, world), null);
    else await answer(call, response, world);
  } catch (error) {
    if (response.headersSent || response.destroyed) return;
    send(response, problem(error), null);
  }
}

async function read(request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? "/", "http://sandbox.invalid");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new ApiRefusal(413, "The request is too large.");
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const call = {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
  };
  if (text === "") return { ...call, body: undefined };
  // Only a browser's form at the Console is not JSON.
  if (call.path.startsWith("/console")) return { ...call, body: Object.fromEntries(new URLSearchParams(text)) };
  try {
    return { ...call, body: JSON.parse(text) as unknown };
  } catch {
    return { ...call, body: UNREADABLE };
  }
}

const isSideDoor = (path: string): boolean => path.startsWith("/_") || /^\/console(\/|$)/.test(path);

function sideDoor(call: Call, world: World): Reply {
  for (const [method, path, route] of [...CONSOLE, ...CONSOLE_PAGE, ...CONTROL]) {
    const match = method === call.method ? path.exec(call.path) : null;
    if (match !== null) return route(call, world, decoded(match[1]), match[2] ?? "");
  }
  throw new ApiRefusal(404, "There is no such side door.");
}

function problem(error: unknown): Reply {
  if (error instanceof ApiRefusal) return error.reply("none");
  if (error instanceof ZodError) {
    const message = error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
    return new ApiRefusal(400, message).reply("none");
  }
  // A defect of the sandbox, not of the client: as loud as possible.
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ApiRefusal(500, `sandbox defect: ${message}`).reply("none");
}
