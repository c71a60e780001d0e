import type { Log } from "../../ports/notifier.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { BodyRefused } from "../body.ts";
import type { Answer, Route } from "../server.ts";
import { FormRefused } from "../sign-in/form.ts";
import type { Pages } from "./page.ts";

const BODY: Record<BodyRefused["status"], string> = {
  400: "The form did not arrive whole, so nothing was done. Send it again.",
  413: "The form is larger than any of ours, so nothing was done.",
  415: "Only forms are read here, so nothing was done.",
};
/** What waiting mends: the page can be opened again. */
const AWAY: readonly string[] = ["REDIS_UNAVAILABLE", "SINK_UNAVAILABLE", "STORE_UNAVAILABLE", "ADMIN_UNAVAILABLE"];

/** A handler whose troubles become pages: a person is told in a sentence, the log gets the code. */
export function guarded(handle: Route["handle"], pages: Pages, log: Log): Route["handle"] {
  return async (request, response, params): Promise<Answer | undefined> => {
    try {
      return await handle(request, response, params);
    } catch (error) {
      if (error instanceof FormRefused) {
        log.warn({ event: "form.refused", status: error.status }, "a form was refused");
        return pages.tell(error.status, "Refused", error.message);
      }
      if (error instanceof BodyRefused) return pages.tell(error.status, "Refused", BODY[error.status]);
      const known = asKeyturnError(error);
      log.error({ event: "page.failed", code: known.code, err: known }, "a page could not be shown");
      const away = AWAY.includes(known.code);
      const text = `${known.message} ${known.next}`;
      return pages.tell(away ? 503 : 500, away ? "Not now" : "Something went wrong", text);
    }
  };
}
