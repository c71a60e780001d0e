import { asKeyturnError, KeyturnError } from "../rotation/errors.ts";

/** Slack's own trouble: over by itself. https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const PASSING = new Set([
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
  "accesslimited",
  "ratelimited",
  "rate_limited",
  "message_limit_exceeded",
]);

const INVITE = "Invite the app to the channel (/invite @keyturn), or correct the channel's id in the configuration.";
const TOKEN = "Install the app again and put its new bot token where slack.botToken points.";
const NEXT: Record<string, string> = {
  channel_not_found: INVITE,
  not_in_channel: INVITE,
  is_archived: "Unarchive the channel, or name another one in slack.channel or targets.<name>.channel.",
  restricted_action: "Let the app post in the channel: a workspace setting forbids it.",
  missing_scope: "Add the scopes of docs/slack.md to the app and install it again.",
  invalid_auth: TOKEN,
  not_authed: TOKEN,
  token_revoked: TOKEN,
  token_expired: TOKEN,
  account_inactive: TOKEN,
  no_such_subteam: "Correct the user group's id in approvers.slack.groups.",
  plan_upgrade_required: "User groups need a paid Slack plan: name people in approvers.slack.users instead.",
};

/**
 * What a failed call becomes: Slack's code or the HTTP status, never its text. `reason` is that code, `http_503`,
 * `ratelimited`, `unreadable` or `no_answer`.
 */
export function fromSlack(method: string, error: unknown): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const { code, data, statusCode, retryAfter } = (error ?? {}) as Record<string, unknown>;
  const known = asKeyturnError(error);
  switch (code) {
    case "slack_webapi_rate_limited_error": {
      const seconds = typeof retryAfter === "number" && retryAfter > 0 ? Math.min(retryAfter, 3600) : 30;
      return unavailable(method, "ratelimited", seconds * 1000);
    }
    case "slack_webapi_platform_error": {
      const slackCode = codeOf((data as { error?: unknown } | undefined)?.error);
      // What is no code is no answer of Slack's: a proxy's page, perhaps, after Slack did it (P12).
      if (slackCode === UNREADABLE || PASSING.has(slackCode)) return unavailable(method, slackCode);
      const next = NEXT[slackCode];
      return new KeyturnError("SLACK_REFUSED", `(${method}: ${slackCode})`, {
        reason: slackCode,
        ...(next === undefined ? {} : { next }),
      });
    }
    case "slack_webapi_http_error":
      return unavailable(method, `http_${typeof statusCode === "number" ? statusCode : "unknown"}`);
    default:
      return code === "slack_webapi_request_error" || known.code === "INTERNAL"
        ? unavailable(method, "no_answer")
        : known;
  }
}

const unavailable = (method: string, reason: string, retryAfterMs: number | null = null): KeyturnError =>
  new KeyturnError("SLACK_UNAVAILABLE", `(${method}: ${reason})`, { reason, retryAfterMs });

const UNREADABLE = "unreadable";
/** Slack's codes are lower case words; anything else might be a text that quotes something. */
const codeOf = (code: unknown): string => (typeof code === "string" && /^[a-z_]{1,60}$/.test(code) ? code : UNREADABLE);

/** Whether Slack certainly did nothing, so that asking again cannot do it twice. */
export const wasNotDone = (error: unknown): boolean =>
  error instanceof KeyturnError && (error.code === "SLACK_REFUSED" || error.reason === "ratelimited");

export const isRefusal = (error: unknown, ...reasons: readonly string[]): boolean =>
  error instanceof KeyturnError && error.code === "SLACK_REFUSED" && reasons.includes(error.reason ?? "");
