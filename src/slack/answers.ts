import type { KnownBlock, ModalView, RichTextElement } from "@slack/types";
import type { DeskAnswer } from "../ports/desk.ts";

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
                action_id: "keyturn_open",
                text: { type: "plain_text", text: "Hand the key over" },
                url: answer.url,
                accessibility_label: "Open the page where the new key is handed over",
              },
            ],
          },
        ];
  return {
    response_type: "ephemeral",
    replace_original: false,
    text: escaped(answer.text).replaceAll(PERSON, "<@$1>"),
    blocks: [asWritten(answer.text), ...button],
  };
}

const PERSON = /slack:([UW][A-Z0-9]{2,30})\b/g;
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Rich text knows no markup: a key named `<!channel>` or `*x*` is just that. */
export function asWritten(text: string): KnownBlock {
  const elements: RichTextElement[] = [];
  let at = 0;
  for (const found of text.matchAll(PERSON)) {
    if (found.index > at) elements.push({ type: "text", text: text.slice(at, found.index) });
    elements.push({ type: "user", user_id: found[1] ?? "" });
    at = found.index + found[0].length;
  }
  if (at < text.length) elements.push({ type: "text", text: text.slice(at) });
  return { type: "rich_text", elements: [{ type: "rich_text_section", elements }] };
}

/** A form's last page: what came of it. */
export const resultView = (answer: DeskAnswer): ModalView => ({
  type: "modal",
  title: { type: "plain_text", text: answer.ok ? "Done" : "Nothing was changed" },
  close: { type: "plain_text", text: "Close" },
  blocks: [asWritten(answer.text)],
});
