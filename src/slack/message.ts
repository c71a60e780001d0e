import type { ActionsBlock, ContextBlock, HeaderBlock, KnownBlock, MrkdwnElement, SectionBlock } from "@slack/types";
import { plain } from "./escape.ts";

/** What one message shows. `text` is what notifications and screen readers get. */
export interface Rendering {
  text: string;
  blocks: KnownBlock[];
}

/** Block Kit's limits that our blocks can meet. https://docs.slack.dev/reference/block-kit */
export const LIMIT = { section: 3000, header: 150, button: 75, context: 3000, text: 3000 } as const;

/** `verbatim`: Slack makes no links or mentions of its own of what stands there. */
const mrkdwn = (text: string): MrkdwnElement => ({ type: "mrkdwn", text, verbatim: true });

export const header = (text: string): HeaderBlock => ({
  type: "header",
  text: { type: "plain_text", text: plain(text, LIMIT.header), emoji: false },
});
export const section = (text: string): SectionBlock => ({ type: "section", text: mrkdwn(text) });
/** Small grey text. */
export const context = (text: string): ContextBlock => ({ type: "context", elements: [mrkdwn(text)] });

export type ActionElement = ActionsBlock["elements"][number];
export const actions = (blockId: string, elements: ActionElement[]): ActionsBlock => ({
  type: "actions",
  block_id: blockId,
  elements,
});

const label = (text: string) => ({ type: "plain_text" as const, text: plain(text, LIMIT.button), emoji: false });

export function button(given: {
  action: string;
  text: string;
  /** What it is about, for a screen reader: it says the button's text and this. */
  about: string;
  value?: string;
  url?: string;
  style?: "primary" | "danger";
  confirm?: { title: string; text: string; yes: string; no: string };
}): ActionElement {
  const { action, text, about, value, url, style, confirm } = given;
  return {
    type: "button",
    action_id: action,
    text: label(text),
    accessibility_label: plain(`${text}: ${about}`, LIMIT.button),
    ...(value === undefined ? {} : { value }),
    ...(url === undefined ? {} : { url }),
    ...(style === undefined ? {} : { style }),
    ...(confirm === undefined
      ? {}
      : {
          confirm: {
            title: { type: "plain_text", text: plain(confirm.title, 100), emoji: false },
            text: { type: "plain_text", text: plain(confirm.text, 300), emoji: false },
            confirm: { type: "plain_text", text: plain(confirm.yes, 30), emoji: false },
            deny: { type: "plain_text", text: plain(confirm.no, 30), emoji: false },
          },
        }),
  };
}

export const menu = (action: string, text: string, options: { text: string; value: string }[]): ActionElement => ({
  type: "static_select",
  action_id: action,
  placeholder: label(text),
  options: options.map((o) => ({ text: label(o.text), value: o.value })),
});

export const peopleMenu = (action: string, text: string): ActionElement => ({
  type: "users_select",
  action_id: action,
  placeholder: label(text),
});

/** The arguments of `chat.postMessage` and `chat.update` that every message of ours has. */
export const messageArgs = ({ text, blocks }: Rendering, rotation: string | null) => ({
  text,
  blocks,
  // A preview robot must not open our links, and nothing here is worth a preview.
  unfurl_links: false,
  unfurl_media: false,
  ...(rotation === null ? {} : { metadata: { event_type: "keyturn_rotation", event_payload: { rotation } } }),
});
