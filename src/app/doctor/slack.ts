import { asKeyturnError } from "../../rotation/errors.ts";
import { type Finding, fail, pass, trouble, warn } from "./finding.ts";
import type { SlackPatient, Surroundings } from "./surroundings.ts";

const INSTALL = "Add it to the app (docs/slack.md), install the app again and use the new token.";

/** The token, whose it is, and what it may do. Nothing is posted. */
export async function checkSlack(s: Pick<Surroundings, "settings">, slack: SlackPatient): Promise<Finding[]> {
  const answer = await slack.call("auth.test", {});
  const { team, user, team_id: teamId, enterprise_id: enterprise, bot_id: botId } = answer;
  const lines = [pass("slack token", `${text(user)} in the workspace ${text(team)} (${text(teamId)})`)];
  if (slack.teamId !== null && slack.teamId !== teamId && slack.teamId !== enterprise)
    lines.push(
      fail(
        "slack workspace",
        `slack.teamId is ${slack.teamId}, the token belongs to ${text(teamId)}: nobody there may decide`,
        "Correct slack.teamId, or use the token of the other workspace.",
      ),
    );
  lines.push(...scopesOf(s, answer));
  lines.push(...(await appOf(slack, botId)), ...(await socketOf(slack)));
  return lines;
}

/** @see docs/slack.md for what each is used for */
/** A person has several names only where something else than Slack names them too. */
const withoutAddress = ({ approvers }: Surroundings["settings"]): string =>
  approvers.fourEyes
    ? "four eyes cannot tell that one person has several names"
    : "one-time links cannot be used, because the sign-in cannot tell whose they are";

function scopesOf({ settings }: Pick<Surroundings, "settings">, answer: Record<string, unknown>): Finding[] {
  const scopes = (answer["response_metadata"] as { scopes?: unknown } | undefined)?.scopes;
  const name = "slack scopes";
  if (!Array.isArray(scopes))
    return [warn(name, "Slack did not say which scopes the token has", "Compare the app with docs/slack.md.")];
  const { approvers } = settings;
  const people = approvers.slack.users.length + approvers.slack.groups.length > 0;
  const needed = [
    { scope: "chat:write", level: "fail", without: "nothing can be posted", when: true },
    { scope: "users:read", level: "fail", without: "nobody in Slack may decide", when: people },
    {
      scope: "usergroups:read",
      level: "fail",
      without: "members of approvers.slack.groups may not decide",
      when: approvers.slack.groups.length > 0,
    },
    {
      scope: "users:read.email",
      level: "fail",
      without: withoutAddress(settings),
      when: (approvers.fourEyes || settings.linksNeedSignIn === true) && people,
    },
    { scope: "im:write", level: "warn", without: "one-time links are not sent in a private message", when: people },
    { scope: "commands", level: "warn", without: "`/keyturn` does not exist", when: true },
  ] as const;
  const missing = needed.filter(({ scope, when }) => when && !scopes.includes(scope));
  if (missing.length === 0) return [pass(name, "all that are needed are granted")];
  return missing.map(({ scope, level, without }) =>
    (level === "fail" ? fail : warn)(name, `${scope} is missing: ${without}`, INSTALL),
  );
}

/** Clicks of an app with another id would all be refused. Where Slack does not tell, nothing is said. */
async function appOf(slack: SlackPatient, botId: unknown): Promise<Finding[]> {
  if (slack.appId === null || typeof botId !== "string") return [];
  const answer = await slack.call("bots.info", { bot: botId }).catch(() => null);
  const appId = (answer?.["bot"] as { app_id?: unknown } | undefined)?.app_id;
  if (typeof appId !== "string" || appId === slack.appId) return [];
  return [
    fail(
      "slack app",
      `slack.appId is ${slack.appId}, the token belongs to ${text(appId)}: every click would be refused`,
      "Correct slack.appId, or use the token of that app.",
    ),
  ];
}

/** Asks for an address to listen at, and does not listen: Slack counts no connection then. */
async function socketOf(slack: SlackPatient): Promise<Finding[]> {
  const name = "slack clicks";
  if (slack.appCall === null)
    return [pass(name, "come over HTTP; whether the signing secret is right shows with the first click")];
  try {
    await slack.appCall("apps.connections.open");
    return [pass(name, "come over Socket Mode; the app-level token is accepted")];
  } catch (error) {
    const line = trouble(name, error, "fail", "Socket Mode: ");
    const { code } = asKeyturnError(error);
    return [
      code === "SLACK_REFUSED"
        ? { ...line, fix: "Make an app-level token with connections:write and put it where slack.appToken points." }
        : line,
    ];
  }
}

/** Ids and names from Slack; anything else is not repeated. */
export const text = (value: unknown): string =>
  typeof value === "string" && value !== "" ? value.slice(0, 80) : "unknown";
