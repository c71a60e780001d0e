import { asKeyturnError } from "../../rotation/errors.ts";
import { type Finding, fail, pass, trouble, warn } from "./finding.ts";
import { text } from "./slack.ts";
import type { SlackPatient } from "./surroundings.ts";

/** Channels that are asked about. */
const MOST = 20;
const AT_ONCE = 4;
const INVITE = "Invite the app there (`/invite @keyturn`), or correct the id in the configuration.";
/** Slack will not tell; `unknown_method`: something that stands in for Slack. */
const NOT_TOLD = new Set(["missing_scope", "unknown_method", "not_allowed_token_type"]);

/** Whether the app can reach every channel that it is to post in. Nothing is posted. */
export async function checkChannels(slack: SlackPatient): Promise<Finding[]> {
  const asked = slack.channels.slice(0, MOST);
  const lines: Finding[] = [];
  for (let i = 0; i < asked.length; i += AT_ONCE)
    lines.push(...(await Promise.all(asked.slice(i, i + AT_ONCE).map((each) => channelOf(slack, each)))));
  const more = slack.channels.length - asked.length;
  if (more > 0) lines.push(pass("slack channels", `${more} more channels of targets were not asked about`));
  return lines;
}

type Named = SlackPatient["channels"][number];

async function channelOf(slack: SlackPatient, { id, path }: Named): Promise<Finding> {
  const name = `slack channel ${id}`;
  try {
    const { channel } = (await slack.call("conversations.info", { channel: id })) as { channel?: unknown };
    const info = (channel ?? {}) as Record<string, unknown>;
    const called = `#${text(info["name"])} (${path})`;
    if (info["is_archived"] === true)
      return fail(name, `${called} is archived`, "Unarchive it, or name another channel in the configuration.");
    if (info["is_member"] === false) return fail(name, `the app is not in ${called}`, INVITE);
    return pass(name, `${called} is reachable`);
  } catch (error) {
    const { reason } = asKeyturnError(error);
    if (NOT_TOLD.has(reason ?? "")) return withoutScope(slack, { id, path });
    const line = trouble(name, error, "fail", `${path}: `);
    return reason === "channel_not_found" ? { ...line, fix: INVITE } : line;
  }
}

/**
 * A link to a message that does not exist: the refusal needs no scope, and tells a channel that the app can see from one that
 * it cannot. @see https://docs.slack.dev/reference/methods/chat.getPermalink
 */
async function withoutScope(slack: SlackPatient, { id, path }: Named): Promise<Finding> {
  const name = `slack channel ${id}`;
  try {
    await slack.call("chat.getPermalink", { channel: id, message_ts: "1.000001" });
  } catch (error) {
    const { reason } = asKeyturnError(error);
    if (reason === "channel_not_found") return fail(name, `${path}: the app does not see this channel`, INVITE);
    if (reason === "message_not_found")
      return pass(
        name,
        `the app sees it (${path}); whether it may post is unknown: that needs channels:read, groups:read`,
      );
    return trouble(name, error, "warn", `${path}: whether it can be reached is unknown. `);
  }
  return warn(name, `${path}: whether it can be reached is unknown`, INVITE);
}
