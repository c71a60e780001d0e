import { Html, escaped, html } from "../html.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Slack's text markup as HTML. What senders did not escape stays text: only what Slack reads as markup becomes markup.
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export function mrkdwn(text: string, workspace: Workspace): Html {
  const parts = text.split(/(```[\s\S]*?```|`[^`\n]+`)/);
  return new Html(parts.map((part, i) => (i % 2 === 1 ? code(part) : prose(part, workspace))).join(""));
}

/** Text that has no markup but line ends. */
export const plainText = (text: string): Html => new Html(escaped(text).replaceAll("\n", "<br>"));

function code(part: string): string {
  if (part.startsWith("```")) return `<pre>${escaped(unescaped(part.slice(3, -3).replace(/^\n/, "")))}</pre>`;
  return `<code>${escaped(unescaped(part.slice(1, -1)))}</code>`;
}

function prose(text: string, workspace: Workspace): string {
  const parts = text.split(/<([^<>\n]+)>/);
  return parts.map((part, i) => (i % 2 === 1 ? reference(part, workspace) : styled(part))).join("");
}

/** Only at the edge of a word, as in Slack: `a_b_c` stays. */
const MARKS = [
  ["*", "strong"],
  ["_", "em"],
  ["~", "s"],
] as const;

function styled(part: string): string {
  let text = escaped(unescaped(part));
  for (const [mark, tag] of MARKS) {
    const around = new RegExp(`(^|[\\s(])\\${mark}(?=\\S)([^\\n\\${mark}]*\\S)\\${mark}(?=$|[\\s.,;:!?)])`, "gm");
    text = text.replaceAll(around, `$1<${tag}>$2</${tag}>`);
  }
  return text
    .replaceAll(/^&gt; ?(.*)$/gm, '<span class="quote">$1</span>')
    .replaceAll(/:([a-z_]+):/g, (all, name: string) => EMOJI[name] ?? all)
    .replaceAll("\n", "<br>");
}

const EMOJI: Record<string, string> = {
  white_check_mark: "✅",
  warning: "⚠️",
  rotating_light: "🚨",
  key: "🔑",
  hourglass: "⌛",
  x: "❌",
  lock: "🔒",
};

/** `<…>`: a person, a channel, a group, a date, or a link. */
function reference(inside: string, workspace: Workspace): string {
  const [target, label] = split(inside, "|");
  if (target.startsWith("@"))
    return mention(`@${workspace.people.get(target.slice(1))?.realName ?? label ?? target.slice(1)}`);
  if (target.startsWith("#"))
    return mention(`#${workspace.channels.get(target.slice(1))?.name ?? label ?? target.slice(1)}`);
  if (target.startsWith("!subteam^")) return mention(label ?? `@${workspace.groupName(target.slice(9))}`);
  if (target.startsWith("!date^")) return date(target.slice(6), label ?? "");
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`);
  if (!/^(https?|mailto):/.test(target)) return styled(`<${inside}>`);
  return html`<a href="${unescaped(target)}" target="_blank" rel="noopener">${unescaped(label ?? target)}</a>`.text;
}

const mention = (name: string): string => html`<span class="mention">${unescaped(name)}</span>`.text;

function split(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const at = (options: Intl.DateTimeFormatOptions) => (when: Date) => new Intl.DateTimeFormat("en", options).format(when);
const TOKENS: Record<string, (when: Date) => string> = {
  date_num: (when) => when.toISOString().slice(0, 10),
  date: at({ year: "numeric", month: "long", day: "numeric" }),
  date_short: at({ year: "numeric", month: "short", day: "numeric" }),
  date_long: at({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  date_pretty: at({ year: "numeric", month: "long", day: "numeric" }),
  date_short_pretty: at({ year: "numeric", month: "short", day: "numeric" }),
  date_long_pretty: at({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  time: at({ hour: "numeric", minute: "2-digit" }),
  time_secs: at({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
};

/** `1392734382^{date} at {time}`, in this machine's time zone. */
function date(spec: string, fallback: string): string {
  const [seconds, format] = split(spec, "^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime()) || format === undefined) return escaped(unescaped(fallback));
  const shown = (split(format, "^")[0] ?? "").replaceAll(
    /\{(\w+)\}/g,
    (all, name: string) => TOKENS[name]?.(when) ?? all,
  );
  return html`<time datetime="${when.toISOString()}" title="${unescaped(fallback)}">${unescaped(shown)}</time>`.text;
}

/** Slack's three entities. */
const unescaped = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
