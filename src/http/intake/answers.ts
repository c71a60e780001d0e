import { WrongPerson } from "../../app/intake/links.ts";
import type { LinkLook } from "../../app/intake/look-at-link.ts";
import type { LinkSubmission } from "../../app/intake/submit-by-link.ts";
import type { KeyturnError } from "../../rotation/errors.ts";
import { pageHeaders } from "../headers.ts";
import type { Answer } from "../server.ts";
import { ASIDE, type Aside, LINK_CLOSED, type Sentence, refusalSentence, troubleSentence } from "./sentences.ts";

const ASIDE_STATUS: Record<Aside, number> = {
  query: 400,
  from_elsewhere: 403,
  wrong_person: 403,
  no_address: 403,
  sign_in: 401,
  too_often: 429,
  not_text: 400,
  too_large: 413,
  wrong_type: 415,
  malformed: 400,
};

/** Everything the page needs to know of where it is. */
export interface Surroundings {
  publicUrl: string;
  /** The Console's page of keys. */
  consoleUrl: string;
  signInPath: string | null;
  /** Where the dashboard shows a rotation; null: there is no dashboard. */
  rotationPath: ((id: string) => string) | null;
}

/** Turns what the use cases say into what the page reads: fixed texts, times as RFC 3339, nothing of key or token. */
export function answersFor(at: Surroundings) {
  const headers = pageHeaders({ publicUrl: at.publicUrl, script: false });
  const json = (status: number, body: object, more: Record<string, string> = {}): Answer => ({
    status,
    body,
    headers: { ...headers, ...more },
  });
  const no = (status: number, state: string, sentence: Sentence, more: object = {}) =>
    json(status, { ok: false, state, ...sentence, ...more });
  const wayTo = (id: string | null) => (id === null || at.rotationPath === null ? null : at.rotationPath(id));
  const closed = (state: keyof typeof LINK_CLOSED, more: object = {}) => {
    const status = state === "unknown" ? 404 : state === "busy" || state === "not_waiting" ? 409 : 410;
    return no(status, state, LINK_CLOSED[state], more);
  };
  return {
    json,
    aside: (what: Aside): Answer => {
      const sentence = ASIDE[what];
      const more = what === "sign_in" ? { signIn: at.signInPath } : {};
      const answer = no(ASIDE_STATUS[what], what, sentence, more);
      // What is left of the body is not read: the connection is of no use any more.
      if (what === "too_large" || what === "wrong_type" || what === "from_elsewhere")
        return { ...answer, headers: { ...answer.headers, connection: "close" } };
      if (what === "too_often") return { ...answer, headers: { ...answer.headers, "retry-after": "60" } };
      return answer;
    },
    trouble: (error: KeyturnError): Answer => {
      if (error instanceof WrongPerson) {
        const state = error.reason === "no_address" ? "no_address" : "wrong_person";
        return no(403, state, ASIDE[state], { rotationPath: wayTo(error.rotation) });
      }
      const theirs = ["WRONG_STATE", "LOCK_HELD", "CONFLICT", "NOT_AN_APPROVER"].includes(error.code);
      return no(theirs ? 409 : 503, "failed", troubleSentence(error));
    },
    look: (look: LinkLook): Answer => {
      if (look.state !== "open") {
        const { handedOver, rotation } = look;
        return closed(look.state, { handedOver, rotationPath: handedOver === null ? null : wayTo(rotation) });
      }
      const { newKeys, expiresAt, deadline, now, ...facts } = look.facts;
      return json(200, {
        ok: true,
        state: "open",
        ...facts,
        consoleUrl: at.consoleUrl,
        newKeys: newKeys?.map((key) => ({ ...key, createdAt: rfc3339(key.createdAt) })) ?? null,
        expiresAt: rfc3339(expiresAt),
        deadline: deadline === null ? null : rfc3339(deadline),
        now: rfc3339(now),
      });
    },
    submission: (done: LinkSubmission): Answer => {
      switch (done.state) {
        case "accepted": {
          const { rotation: r, warnings, alreadyAccepted } = done;
          const key = r.replacement === null ? null : { name: r.replacement.name, hint: r.replacement.hint };
          const body = { ok: true, state: "accepted", alreadyAccepted, warnings, key, rotationPath: wayTo(r.id) };
          // Cookies stay: whoever is signed in goes on to the dashboard.
          return json(200, body, { "clear-site-data": '"cache", "storage"' });
        }
        case "refused":
          return no(422, "refused", refusalSentence(done.error), {
            code: done.error.reason,
            attemptsLeft: done.attemptsLeft,
          });
        case "failed":
          return answersFor(at).trouble(done.error);
        default:
          return closed(done.state);
      }
    },
  };
}

const rfc3339 = (at: number): string => new Date(at).toISOString();
