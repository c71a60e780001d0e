import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Fields, Seat } from "./blocks-html.ts";
import { type Outgoing, elementOf, sendClick, sendCommand, sendSubmission, takeResponse } from "./interactions.ts";
import { valuesOf } from "./modal-html.ts";
import { type Json, isObject } from "./model.ts";
import { chatPage, seatAddress } from "./page.ts";
import { SlackRefusal, callMethod } from "./web-api.ts";
import { CHANNEL, PEOPLE, type Workspace } from "./workspace.ts";

/** Slack takes more; nobody here sends more. */
const MOST_BYTES = 1024 * 1024;

const asset = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

interface Answer {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

export interface SlackWorld {
  workspace: Workspace;
  botToken: string;
  outgoing: Outgoing;
}

/** Everything that arrives: the Web API under `/api/`, answers under `/respond/`, and the page for people. */
export async function handle(request: IncomingMessage, response: ServerResponse, world: SlackWorld): Promise<void> {
  const answer = await answerTo(request, world).catch((error: unknown) => {
    // A defect of the simulation: as loud as possible.
    const body = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { status: 500, type: "text/plain", body: `simulation defect: ${body}` };
  });
  if (response.destroyed) return;
  response.writeHead(answer.status, {
    ...HEADERS,
    "content-type": `${answer.type}; charset=utf-8`,
    "content-length": Buffer.byteLength(answer.body),
    ...("headers" in answer ? answer.headers : {}),
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

async function answerTo(request: IncomingMessage, world: SlackWorld): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://chat.invalid");
  const body = await readAll(request);
  if (body === null) return { status: 413, type: "text/plain", body: "too large" };
  if (url.pathname.startsWith("/api/")) return webApi(url, request, body, world);
  if (url.pathname.startsWith("/respond/")) return respond(url.pathname.slice(9), body, world);
  if (request.method === "POST") return act(url.pathname, request, new URLSearchParams(body), world);
  return show(url, world);
}

async function readAll(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function webApi(url: URL, request: IncomingMessage, body: string, { workspace, botToken }: SlackWorld): Answer {
  const args = { ...Object.fromEntries(url.searchParams), ...argumentsIn(request, body) };
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
  const inBody = args["token"];
  const token = bearer ?? (typeof inBody === "string" && inBody !== "" ? inBody : null);
  return json(callMethod(url.pathname.slice(5), args, { workspace, token, botToken }));
}

function argumentsIn(request: IncomingMessage, body: string): Json {
  if (!(request.headers["content-type"] ?? "").startsWith("application/json"))
    return Object.fromEntries(new URLSearchParams(body));
  return jsonIn(body) ?? {};
}

function respond(id: string, body: string, { workspace }: SlackWorld): Answer {
  try {
    const { status, text } = takeResponse(id, jsonIn(body) ?? {}, workspace);
    return status === 200 ? { status, type: "text/html", body: text } : json({ ok: false, error: text }, status);
  } catch (error) {
    if (error instanceof SlackRefusal) return json({ ok: false, error: error.message }, 400);
    throw error;
  }
}

function show(url: URL, { workspace }: SlackWorld): Answer {
  switch (url.pathname) {
    case "/": {
      const seat = seatIn(url.searchParams, workspace);
      const asked = url.searchParams.get("confirm");
      const confirm = asked === null ? null : (Object.fromEntries(new URLSearchParams(asked)) as Fields);
      return { status: 200, type: "text/html", body: chatPage(seat, confirm, workspace) };
    }
    case "/revision":
      return { status: 200, type: "text/plain", body: String(workspace.revision) };
    case "/chat.css":
      return { status: 200, type: "text/css", body: asset("./chat.css") };
    case "/chat.js":
      return { status: 200, type: "text/javascript", body: asset("./chat.js") };
    default:
      return { status: 404, type: "text/plain", body: "There is nothing here. The chat is at /" };
  }
}

/** What a person does on the page; then back to where they were. */
async function act(path: string, request: IncomingMessage, form: URLSearchParams, world: SlackWorld): Promise<Answer> {
  const { workspace, outgoing } = world;
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return { status: 403, type: "text/plain", body: "from another site" };
  const seat = seatIn(form, workspace);
  const person = workspace.people.get(seat.personId);
  if (person === undefined) return { status: 404, type: "text/plain", body: "no such person" };
  const word = (name: string) => form.get(name) ?? "";
  switch (path) {
    case "/click": {
      const message = workspace.find(word("channel"), word("ts"));
      if (message === null) break;
      const [blockId, actionId, choice] = [word("block"), word("action"), word("choice")];
      const element = elementOf(message, blockId, actionId);
      if (isObject(element?.["confirm"]) && !form.has("confirmed"))
        return seeOther(`${seatAddress(seat)}&confirm=${encodeURIComponent(form.toString())}`);
      await sendClick({ person, message, blockId, actionId, ...(choice === "" ? {} : { choice }) }, outgoing);
      break;
    }
    case "/command":
      await sendCommand(person, seat.channelId, word("line"), outgoing);
      break;
    case "/submit": {
      const view = workspace.viewOf(person.id);
      if (view !== null) await sendSubmission(person, valuesOf(view, form), outgoing);
      break;
    }
    case "/close":
      workspace.close(person.id);
      break;
    case "/dismiss": {
      const message = workspace.find(seat.channelId, word("ts"));
      if (message?.onlyFor === person.id) workspace.remove(message);
      break;
    }
    default:
      return { status: 404, type: "text/plain", body: "There is nothing here." };
  }
  return seeOther(seatAddress(seat));
}

const seeOther = (location: string): Answer => ({ status: 303, type: "text/plain", body: "", headers: { location } });
const json = (body: Json, status = 200): Answer => ({ status, type: "application/json", body: JSON.stringify(body) });

function jsonIn(text: string): Json | null {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Somebody who exists, in a conversation that is theirs. */
function seatIn(from: URLSearchParams, workspace: Workspace): Seat {
  const asked = workspace.people.get(from.get("as") ?? "");
  const personId = asked?.id ?? PEOPLE[0]?.id ?? "";
  workspace.directMessages(personId);
  const channel = workspace.channels.get(from.get("in") ?? "");
  const theirs = channel !== undefined && (channel.personId === null || channel.personId === personId);
  return { personId, channelId: theirs ? channel.id : CHANNEL.id };
}
