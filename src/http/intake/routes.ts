import type { IncomingMessage } from "node:http";
import type { Deps } from "../../app/deps.ts";
import { linkHashOf } from "../../app/intake/link-token.ts";
import { lookAtLink } from "../../app/intake/look-at-link.ts";
import { submitByLink } from "../../app/intake/submit-by-link.ts";
import type { Log } from "../../ports/notifier.ts";
import type { Actor } from "../../ports/settings.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { BodyRefused, isOfType, readBody } from "../body.ts";
import { comesFrom, pageHeaders } from "../headers.ts";
import type { Answer, Route } from "../server.ts";
import { answersFor } from "./answers.ts";
import { readFramed, readToken } from "./framed-body.ts";
import { perMinute } from "../limit.ts";
import { plainPage, readPageFiles } from "./page-files.ts";
import { ASIDE, type Aside } from "./sentences.ts";

/** @see https://platform.claude.com/docs/en/get-api-key: "Settings → API keys" */
export const CONSOLE_KEYS = "https://platform.claude.com/settings/keys";

const LOOK_LIMIT = 1024;
const SUBMIT_LIMIT = 4096;
/** Per minute. All who come through one proxy share an address: its limits stop floods, not people. */
const LIMITS = { looksOfLink: 60, submitsOfLink: 10, byAddress: 600, unknownByAddress: 60 };

export interface IntakeOptions {
  deps: Deps;
  /** The configured address of our pages, without a slash at the end. */
  publicUrl: string;
  /** Who is signed in; null: signing in is not configured, so the link alone counts. */
  sessionOf: ((request: IncomingMessage) => Promise<{ actor: Actor } | null>) | null;
  log: Log;
  /** Where to sign in, such as `/auth/login`. */
  signInPath?: string;
  consoleUrl?: string;
  /** Where the dashboard shows a rotation. */
  rotationPath?: (id: string) => string;
}

/**
 * The page for handing a key over. GET is static and consumes nothing, so that a robot that previews links does no harm;
 * only a POST from our own page with the link's token does something. Requests are not logged, and no answer repeats
 * anything that was sent.
 */
export function intakeRoutes(given: IntakeOptions): Route[] {
  const { deps, publicUrl, log } = given;
  const files = readPageFiles();
  const answers = answersFor({
    publicUrl,
    consoleUrl: given.consoleUrl ?? CONSOLE_KEYS,
    signInPath: given.sessionOf === null ? null : (given.signInPath ?? null),
    rotationPath: given.rotationPath ?? null,
  });
  const limits = limitsOf(() => deps.clock.now());
  const headers = pageHeaders({ publicUrl });
  const file = (path: string, type: string, body: string): Route => ({
    method: "GET",
    path,
    handle: async () => ({ status: 200, body, headers: { ...headers, "content-type": `${type}; charset=utf-8` } }),
  });

  /** Who is there, once the request is known to come from our page; an answer when it goes no further. */
  const admit = async (request: IncomingMessage): Promise<{ visitor: Actor | null } | Aside> => {
    if (hasQuery(request)) return "query";
    if (comesFrom(publicUrl, request.headers) !== "ours") return "from_elsewhere";
    if (!limits.byAddress.allows(addressOf(request))) return "too_often";
    if (given.sessionOf === null) return { visitor: null };
    const session = await given.sessionOf(request);
    return session === null ? "sign_in" : { visitor: session.actor };
  };

  /** A token nobody knows: counted by address, so that guessing shows; holders of real links are not affected. */
  const unknown = (request: IncomingMessage, answer: Answer): Answer => {
    if (limits.unknown.allows(addressOf(request))) return answer;
    if (limits.guessing.allows("all"))
      log.warn({ event: "intake.guessing" }, "many requests with tokens of no one-time link");
    return answers.aside("too_often");
  };

  const look = async (request: IncomingMessage): Promise<Answer> => {
    const admitted = await admit(request);
    if (typeof admitted === "string") return answers.aside(admitted);
    if (!isOfType(request, "application/json")) return answers.aside("wrong_type");
    const token = readToken(await readBody(request, LOOK_LIMIT));
    if (token === null) return answers.aside("malformed");
    if (!limits.looks.allows(linkHashOf(token))) return answers.aside("too_often");
    const found = await lookAtLink(deps, token, admitted.visitor);
    return found.state === "unknown" ? unknown(request, answers.look(found)) : answers.look(found);
  };

  const hand = async (request: IncomingMessage): Promise<Answer> => {
    const admitted = await admit(request);
    if (typeof admitted === "string") return answers.aside(admitted);
    if (!isOfType(request, "application/octet-stream")) return answers.aside("wrong_type");
    const body = await readBody(request, SUBMIT_LIMIT);
    try {
      const framed = readFramed(body);
      if (!framed.ok) return answers.aside(framed.why);
      const { token, ...options } = framed.head;
      if (!limits.submits.allows(linkHashOf(token))) return answers.aside("too_often");
      const done = await submitByLink(deps, token, framed.pasted, options, admitted.visitor);
      if (done.state === "failed")
        log.warn({ event: "intake.failed", code: done.error.code }, "a key could not be taken; nothing was used up");
      return done.state === "unknown" ? unknown(request, answers.submission(done)) : answers.submission(done);
    } finally {
      body.fill(0);
    }
  };

  /** Every failure becomes a fixed text here: what a parser or the socket says may quote what was sent. */
  const safely = (handle: (request: IncomingMessage) => Promise<Answer>) => async (request: IncomingMessage) => {
    try {
      return await handle(request);
    } catch (error) {
      if (error instanceof BodyRefused) return answers.aside(error.status === 413 ? "too_large" : "malformed");
      const known = asKeyturnError(error);
      if (known.code === "INTERNAL") log.error({ event: "intake.failed", err: known }, "a one-time link failed");
      return answers.trouble(known);
    }
  };

  return [
    {
      method: "GET",
      path: "/intake",
      takesAnyQuery: true,
      handle: async (request) => {
        const html = { ...headers, "content-type": "text/html; charset=utf-8" };
        if (!hasQuery(request)) return { status: 200, body: files.html, headers: html };
        return { status: 400, body: plainPage(ASIDE.query.say, ASIDE.query.next), headers: html };
      },
    },
    file("/intake.mjs", "text/javascript", files.js),
    file("/intake-view.mjs", "text/javascript", files.view),
    file("/intake.css", "text/css", files.css),
    { method: "POST", path: "/intake/look", takesAnyQuery: true, handle: safely(look) },
    { method: "POST", path: "/intake", takesAnyQuery: true, handle: safely(hand) },
  ];
}

const limitsOf = (now: () => number) => ({
  looks: perMinute({ each: LIMITS.looksOfLink }, { now }),
  submits: perMinute({ each: LIMITS.submitsOfLink }, { now }),
  byAddress: perMinute({ each: LIMITS.byAddress }, { now }),
  unknown: perMinute({ each: LIMITS.unknownByAddress }, { now }),
  guessing: perMinute({ each: 1 }, { now }),
});

const hasQuery = (request: IncomingMessage): boolean => (request.url ?? "").includes("?");
const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? "";
