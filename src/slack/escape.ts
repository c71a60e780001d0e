import type { Instant } from "../rotation/record.ts";

/*
 * Everything that comes from outside (key names, secrets, people's words) goes through here before it stands in a
 * message: Slack's own marks begin with `<`, and `<!channel>` in a name would ring for everybody.
 */

/** Longest piece of foreign text in a message, before escaping, which makes it at most five times as long. */
export const NAME_LENGTH = 80;

/** Without line breaks and invisible or reordering characters, cut to `length` UTF-16 units. */
export function oneLine(text: string, length = NAME_LENGTH): string {
  const clean = text.slice(0, length + 1).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\u{FFFD}");
  if (clean.length <= length) return clean;
  // Not within a character that takes two units.
  return `${clean.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** For mrkdwn. https://docs.slack.dev/messaging/formatting-message-text#escaping */
export const escaped = (text: string, length?: number): string =>
  oneLine(text, length).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A name in code style, where `*` and `_` mean nothing; a backtick would end it. */
export const code = (text: string, length?: number): string => `\`${escaped(text.replaceAll("`", "'"), length)}\``;

/** For `plain_text`, which has no marks; angle brackets are taken away all the same. */
export const plain = (text: string, length?: number): string =>
  oneLine(text, length).replaceAll("<", "‹").replaceAll(">", "›");

/** In the reader's own time zone; the part after `|` is for clients that cannot. */
export function when(at: Instant): string {
  const iso = new Date(at).toISOString();
  return `<!date^${Math.floor(at / 1000)}^{date_short_pretty} at {time}|${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC>`;
}

/** `7 days`, `36 hours`: the largest unit that loses nothing a person would miss. */
export function inWords(ms: number): string {
  const [unit, size] =
    ms >= 2 * 86_400_000 || ms === 86_400_000
      ? ["day", 86_400_000]
      : ms >= 3_600_000
        ? ["hour", 3_600_000]
        : ms >= 60_000
          ? ["minute", 60_000]
          : ["second", 1000];
  const amount = Math.floor(ms / (size as number));
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

/** A person by the name the audit log has: as a mention where Slack knows them. */
export function personOf(actor: string): string {
  const id = slackIdOf(actor);
  return id === null ? code(actor) : `<@${id}>`;
}

/** null: did not come through Slack. */
export const slackIdOf = (actor: string): string | null => /^slack:([UW][A-Z0-9_]{1,30})$/.exec(actor)?.[1] ?? null;

/** Mentions of people and groups, at most `most`; the ids come from the checked configuration. */
export function mentions(
  { users, groups }: { users: readonly string[]; groups: readonly string[] },
  most = 12,
): string {
  const all = [...groups.map((g) => `<!subteam^${g}>`), ...users.map((u) => `<@${u}>`)];
  const more = all.length - most;
  return `${all.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** As many lines as fit, the number of those left out said at the end. */
export function lines(all: readonly string[], limit: number): string {
  let text = "";
  for (const [i, line] of all.entries()) {
    const left = all.length - i;
    const room = left === 1 ? limit : limit - 30;
    const longer = text === "" ? line : `${text}\n${line}`;
    if (longer.length > room) return `${text}\n… and ${left} more`.trimStart();
    text = longer;
  }
  return text;
}
