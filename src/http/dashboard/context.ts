import type { IncomingMessage } from "node:http";
import { authorize } from "../../app/authorize.ts";
import type { Decider } from "../../app/decisions.ts";
import type { Deps } from "../../app/deps.ts";
import { ERRORS, type KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import type { Answer, Params, Route } from "../server.ts";
import { readForm, requireCsrf } from "../sign-in/form.ts";
import { askToSignIn } from "../sign-in/routes.ts";
import type { SessionKeeper, SignedIn } from "../sign-in/session.ts";
import { guarded } from "./guard.ts";
import type { Pages } from "./page.ts";

export interface DashboardOptions {
  deps: Deps;
  keeper: SessionKeeper;
  pages: Pages;
  publicUrl: string | null;
  /** When the configured schedule fires; milliseconds, null: not in five years. */
  fires: { previous(now: number): number | null; next(now: number): number | null };
  /** Who scans then: `serve`, or a CronJob of somebody else's. */
  scanner: "embedded" | "cronjob";
}

type Show = (who: SignedIn, params: Params, request: IncomingMessage) => Promise<Answer>;
type Act = (who: SignedIn, params: Params, fields: URLSearchParams) => Promise<Answer>;

/** A page for signed-in people. */
export function shown({ deps, keeper, pages }: DashboardOptions, path: string, show: Show): Route {
  const handle: Route["handle"] = async (request, _response, params) => {
    const who = await keeper.sessionOf(request);
    return who === null ? askToSignIn(request, pages) : show(who, params, request);
  };
  return { method: "GET", path, handle: guarded(handle, pages, deps.log) };
}

/** A form of a signed-in person, sent by our own page of this very session. */
export function acted({ deps, keeper, pages, publicUrl }: DashboardOptions, path: string, act: Act): Route {
  const handle: Route["handle"] = async (request, _response, params) => {
    const who = await keeper.sessionOf(request);
    const fields = await readForm(request, publicUrl);
    if (who === null)
      return pages.tell(
        401,
        "Not signed in",
        "Your session has ended, so nothing was done. Sign in and repeat.",
        null,
        {
          to: "/sign-in",
          text: "Sign in",
        },
      );
    requireCsrf(fields, who.csrf);
    return act(who, params, fields);
  };
  return { method: "POST", path, handle: guarded(handle, pages, deps.log) };
}

export const deciderOf = ({ actor }: SignedIn): Decider => ({ actor, breakGlass: null });

/** Only for what a page offers; each decision asks again and puts a refusal on record. */
export async function mayDecide(deps: Deps, who: SignedIn): Promise<boolean> {
  try {
    await authorize(deps, who.actor, null);
    return true;
  } catch (error) {
    if (asKeyturnError(error).code === "NOT_AN_APPROVER") return false;
    throw error;
  }
}

/** Does it, and says on the page that follows how it went. Who may not decide gets a page of its own. */
export async function decided(
  { deps, keeper, pages }: DashboardOptions,
  who: SignedIn,
  back: string,
  act: () => Promise<string>,
): Promise<Answer> {
  try {
    await keeper.say(who, { ok: true, text: await act() });
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code === "NOT_AN_APPROVER") return pages.tell(403, "Not allowed", sentenceOf(error), who);
    if (error.code === "INTERNAL")
      deps.log.error({ event: "page.decision_failed", code: error.code, err: error }, "a decision on a page failed");
    await keeper.say(who, { ok: false, text: sentenceOf(error) });
  }
  return pages.go(back);
}

/** What a person at a page does next, where the command line's advice does not fit. */
const NEXT: Partial<Record<KeyturnError["code"], string>> = {
  CONFLICT: "Look at it again below, and decide again.",
  NOT_AN_APPROVER: "Ask one of the approvers named in the configuration.",
};

/** An error for a person at a page: what is wrong, and what to do. */
export function sentenceOf(error: KeyturnError): string {
  const { code, message } = error;
  const words = code === "USAGE" ? message.replace(`${ERRORS.USAGE.say} `, "") : message;
  const general = error.next === ERRORS[code].next;
  const next = general ? (NEXT[code] ?? (code === "WRONG_STATE" ? "" : error.next)) : error.next;
  return `${words} ${next}`.trim();
}
