import type { Directory, Member } from "../ports/directory.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { SlackClient } from "./web-client.ts";
import { isRefusal } from "./trouble.ts";

/**
 * Slack's people and groups, read at each question (facts: slack.md section 11). Whatever is missing or odd in an answer
 * is no answer: the decision is not made.
 * @param teamId the configured workspace; null: the bot token's, asked once
 */
export function createDirectory(client: SlackClient, given: { teamId: string | null }): Directory {
  let team: Promise<string> | null = given.teamId === null ? null : Promise.resolve(given.teamId);
  const askTeam = async () => textOf((await ask(client, "auth.test", {})).team_id) ?? unreadable("auth.test");
  const teamId = (): Promise<string> => {
    const asked = team ?? askTeam();
    team = asked;
    // A failure is not kept: it is asked again.
    asked.catch(() => (team = team === asked ? null : team));
    return asked;
  };
  return {
    teamId,
    member: async (userId) => {
      let answer: Record<string, unknown>;
      try {
        answer = await client.call("users.info", { user: userId }, "click");
      } catch (error) {
        if (isRefusal(error, "user_not_found", "users_not_found")) return null;
        throw unavailable(error);
      }
      return memberOf(answer.user, userId, await teamId());
    },
    groupMembers: async (groupId) => {
      const { users } = await ask(client, "usergroups.users.list", { usergroup: groupId, include_disabled: false });
      if (!Array.isArray(users)) return unreadable("usergroups.users.list");
      return users.filter((id): id is string => typeof id === "string");
    },
  };
}

/** @throws DIRECTORY_UNAVAILABLE when the answer is about somebody else or not about a person at all */
function memberOf(raw: unknown, userId: string, team: string): Member {
  if (typeof raw !== "object" || raw === null) return unreadable("users.info");
  const user = raw as Record<string, unknown>;
  if (user.id !== userId) return unreadable("users.info");
  const profile = (user.profile ?? {}) as Record<string, unknown>;
  const teamId = textOf(user.team_id) ?? "";
  return {
    userId,
    teamId,
    displayName: textOf(profile.display_name) ?? textOf(profile.real_name) ?? textOf(user.name) ?? userId,
    email: textOf(profile.email)?.toLowerCase() ?? null,
    barred: barOf(user, teamId, team),
  };
}

/** Why the account may never decide, in the words of "Your Slack account is …". */
function barOf(user: Record<string, unknown>, teamId: string, team: string): string | null {
  if (user.deleted === true) return "deactivated";
  if (user.is_ultra_restricted === true || user.is_restricted === true) return "a guest account";
  if (user.is_bot === true || user.is_workflow_bot === true || user.id === "USLACKBOT") return "a bot";
  // An organization's own id (E…) covers its workspaces; there only `is_stranger` tells.
  if (user.is_stranger === true || (teamId !== "" && teamId !== team && !team.startsWith("E")))
    return "of another workspace";
  return null;
}

async function ask(client: SlackClient, method: string, args: Record<string, unknown>) {
  try {
    return await client.call(method, args, "click");
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): KeyturnError {
  const { reason, next, retryAfterMs, code } = error instanceof KeyturnError ? error : new KeyturnError("INTERNAL");
  return new KeyturnError("DIRECTORY_UNAVAILABLE", reason === null ? undefined : `(${reason})`, {
    ...(reason === null ? {} : { reason }),
    // What only an administrator can correct is said; everything else passes.
    ...(code === "SLACK_REFUSED" ? { next } : {}),
    retryAfterMs,
  });
}

const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function unreadable(method: string): never {
  throw new KeyturnError("DIRECTORY_UNAVAILABLE", `(${method}: unreadable)`, { reason: "unreadable" });
}
