import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuditTrail } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Issuer } from "../../ports/issuer.ts";
import type { Log } from "../../ports/notifier.ts";
import type { Sessions } from "../../ports/sessions.ts";
import type { Actor } from "../../ports/settings.ts";
import { guarded } from "../dashboard/guard.ts";
import type { Pages } from "../dashboard/page.ts";
import type { Answer, Route } from "../server.ts";
import { LOGIN_COOKIE, cookie, idIn, noCookie } from "./cookies.ts";
import { readForm, requireCsrf } from "./form.ts";
import { perMinute } from "../limit.ts";
import { STALE_LOGIN, landingPage, refusedLogin, signInPage } from "./pages.ts";
import { returnTo, signInPath } from "./return-to.ts";
import { type SessionKeeper, hashOf, newId } from "./session.ts";
import type { StaticToken } from "./token.ts";

export interface SignInOptions {
  /** With the name of its issuer and client, which its sessions carry. */
  oidc: { issuer: Issuer; version: string } | null;
  token: StaticToken | null;
  keeper: SessionKeeper;
  sessions: Pick<Sessions, "beginLogin" | "takeLogin">;
  audit: Pick<AuditTrail, "append">;
  pages: Pages;
  publicUrl: string | null;
  clock: Clock;
  log: Log;
}

/** So long may a person be at the issuer (milliseconds). */
const LOGIN_MS = 10 * 60_000;
/** Wrong tokens, per minute; the right one always passes. */
const TRIES = { each: 5, all: 30 };
/** Each begun sign-in is kept for ten minutes, so begun ones are limited too. */
const LOGINS = { each: 20, all: 300 };
const SLOWER = "Too many tries. Wait a minute, then try once more.";
const TOKEN_ACTOR: Actor = { name: "token:dashboard", via: "api" };

/** Signing in and out. Every refusal is a page, and leaves no session behind. */
export function signInRoutes(options: SignInOptions): Route[] {
  const { oidc, token, keeper, sessions, pages, publicUrl, clock, log } = options;
  const offer = { oidc: oidc !== null, token: token !== null };
  const [tries, logins] = [perMinute(TRIES, clock), perMinute(LOGINS, clock)];

  const form = (status: number, to: string, trouble: string | null, headers: Record<string, string> = {}): Answer =>
    pages.show(status, { title: "Sign in", who: null }, signInPage(offer, to, trouble), headers);

  /** On record before anybody can act with it. */
  const begin = async (request: IncomingMessage, actor: Actor, by: string): Promise<string> => {
    await note(options, actor, "session.started");
    return keeper.begin(request, actor, by);
  };

  const show = async (request: IncomingMessage): Promise<Answer> => {
    const to = returnTo(queryOf(request).get("to"));
    return (await keeper.sessionOf(request)) === null ? form(200, to, null) : pages.go(to);
  };

  const withToken = async (request: IncomingMessage): Promise<Answer> => {
    const fields = await readForm(request, publicUrl);
    const to = returnTo(fields.get("to"));
    if (token === null) return form(404, to, "Signing in with a token is not turned on (signIn.token).");
    // Compared first: a neighbour behind the same address who guesses must not keep the right token out.
    if (!token.is(fields.get("token") ?? "")) {
      if (!tries.allows(request.socket.remoteAddress ?? "")) return form(429, to, SLOWER, { "retry-after": "60" });
      log.warn({ event: "sign_in.failed", step: "token", why: "denied" }, "a sign-in did not succeed");
      return form(401, to, "This is not the sign-in token.");
    }
    return pages.go(to, { "set-cookie": await begin(request, TOKEN_ACTOR, token.version()) });
  };

  const out = async (request: IncomingMessage): Promise<Answer> => {
    const who = await keeper.sessionOf(request);
    const fields = await readForm(request, publicUrl);
    if (who === null) return pages.go("/sign-in");
    requireCsrf(fields, who.csrf);
    await note(options, who.actor, "session.ended");
    return pages.go("/sign-in", { "set-cookie": await keeper.end(request), "clear-site-data": '"cache"' });
  };

  const start = async (request: IncomingMessage): Promise<Answer> => {
    const to = returnTo(queryOf(request).get("to"));
    if (oidc === null) return form(404, to, "Signing in with an organization is not turned on (signIn.oidc).");
    if (!logins.allows(request.socket.remoteAddress ?? "")) return form(429, to, SLOWER, { "retry-after": "60" });
    const begun = await oidc.issuer.begin();
    if (begun === null) {
      const { status, text } = refusedLogin({ ok: false, why: "unreachable", code: null });
      return form(status, to, text);
    }
    const id = newId();
    const now = clock.now();
    await sessions.beginLogin(hashOf(id), { checks: begun.checks, returnTo: to, expiresAt: now + LOGIN_MS }, now);
    return pages.go(begun.url, { "set-cookie": cookie(LOGIN_COOKIE, id, "Lax", LOGIN_MS) });
  };

  const callback = async (request: IncomingMessage, response: ServerResponse): Promise<Answer> => {
    const id = idIn(request, LOGIN_COOKIE);
    const login = id === null ? null : await sessions.takeLogin(hashOf(id), clock.now());
    const gone = noCookie(LOGIN_COOKIE);
    if (oidc === null || login === null) return form(400, "/", STALE_LOGIN, { "set-cookie": gone });
    const answer = await oidc.issuer.finish(queryOf(request).toString(), login.checks);
    if (!answer.ok) {
      const { status, text } = refusedLogin(answer);
      return form(status, login.returnTo, text, { "set-cookie": gone });
    }
    response.setHeader("set-cookie", [await begin(request, answer.actor, oidc.version), gone]);
    // A redirect from here would still count as coming from the issuer's site, and the strict cookie would stay at home.
    return pages.show(200, { title: "Signed in", who: null, goOn: login.returnTo }, landingPage(login.returnTo));
  };

  const routes: Route[] = [
    { method: "GET", path: "/sign-in", handle: show },
    { method: "POST", path: "/sign-in", handle: withToken },
    { method: "POST", path: "/sign-out", handle: out },
    { method: "GET", path: "/auth/start", handle: start },
    { method: "GET", path: "/auth/callback", handle: callback },
  ];
  return routes.map((route) => ({ ...route, handle: guarded(route.handle, pages, log) }));
}

const note = ({ audit, clock }: SignInOptions, actor: Actor, action: string): Promise<void> =>
  audit.append([
    { at: clock.now(), rotation: null, target: null, action, actor: actor.name, via: actor.via, evidence: {} },
  ]);

export const queryOf = (request: IncomingMessage): URLSearchParams =>
  new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));

/**
 * For a page that needs a signed-in person: a link from another site carries no strict cookie, so the browser is first
 * sent here once more by ourselves; only then is somebody without a session asked to sign in.
 */
export function askToSignIn(request: IncomingMessage, pages: Pages): Answer {
  const wanted = returnTo(request.url);
  if (request.headers["sec-fetch-site"] === "cross-site")
    return pages.show(200, { title: "One moment", who: null, goOn: wanted }, landingPage(wanted));
  return pages.go(signInPath(wanted));
}
