import type { KnownBlock, ModalView } from "@slack/types";
import type { DeskAnswer } from "../ports/desk.ts";
import { ACTION } from "./actions.ts";
import { escaped } from "./escape.ts";

/** Slack gives up after 3 s, counted at its side. */
const ANSWER_WITHIN_MS = 2300;

export const LATE: DeskAnswer = {
  ok: false,
  text: "Not saved yet: Slack or Keyturn's database is slow just now. If no second message follows within a minute, try again; doing it twice does no harm.",
};
export const UNKNOWN: DeskAnswer = {
  ok: false,
  text: "Not saved, try again in a minute: Keyturn's database did not answer. Doing it twice does no harm.",
};

/** One deed that came twice: the first one counts, whatever became of it. */
export const ALREADY: DeskAnswer = {
  ok: false,
  text: "Already received: this click came twice, and the first one counts. Its answer is on its way, or above.",
};

/** The answer, or null when Slack will not wait for it any longer; the work itself goes on. @param since of `performance.now()` */
export async function inTime<T>(work: Promise<T>, since: number, withinMs = ANSWER_WITHIN_MS): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, withinMs - (performance.now() - since)));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** What only the person sees. Names from outside are shown as they are: no markup, no mention but `slack:U…`. */
export interface PrivateMessage {
  response_type: "ephemeral";
  replace_original: false;
  text: string;
  blocks: KnownBlock[];
}

export function privateMessage(answer: DeskAnswer & { url?: string }): PrivateMessage {
  const button: KnownBlock[] =
    answer.url === undefined
      ? []
      : [
          {
            type: "actions",
            elements: [
              {
                type: "button",
                style: "primary",
                action_id: ACTION.open,
                text: { type: "plain_text", text: "Hand the key over" },
                url: answer.url,
                accessibility_label: "Hand the key over: open the page for it",
              },
            ],
          },
        ];
  return {
    response_type: "ephemeral",
    replace_original: false,
    text: shown(answer.text),
    blocks: [asWritten(answer.text), ...button],
  };
}

/** Takes the place of the message that was clicked: one line, no buttons. */
export const supersededMessage = (text: string): object => ({
  replace_original: true,
  text: shown(text),
  blocks: [asWritten(text)],
});

const PERSON = /slack:([UW][A-Z0-9]{2,30})\b/g;
/** Of a section's text, after escaping. */
const MOST = 3000;

/** Slack's own marks in names are taken out of force, line by line; only our mentions of people remain. */
function shown(text: string): string {
  const lines = text.split("\n").map((line) => escaped(line, text.length));
  const whole = lines.join("\n").replaceAll(PERSON, "<@$1>");
  if (whole.length <= MOST) return whole;
  // Not within an entity or a mention.
  return `${whole.slice(0, MOST - 2).replace(/(&[a-z]{0,4}|<[^>]*)$/, "")} …`;
}

/** `verbatim`: nothing in it becomes a link or a mention by itself. */
export const asWritten = (text: string): KnownBlock => ({
  type: "section",
  text: { type: "mrkdwn", text: shown(text), verbatim: true },
});

/** A form's last page: what came of it. */
export const resultView = (answer: DeskAnswer): ModalView => ({
  type: "modal",
  title: { type: "plain_text", text: answer.ok ? "Done" : "Nothing was changed" },
  close: { type: "plain_text", text: "Close" },
  blocks: [asWritten(answer.text)],
});
