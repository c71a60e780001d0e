import type { Directory, Member } from "../ports/directory.ts";
import type { Actor, Settings } from "../ports/settings.ts";
import { identitiesOf } from "../ports/settings.ts";
import { KeyturnError } from "../rotation/errors.ts";

/** How a decision was allowed; `breakGlass` is shown everywhere the decision is. */
export interface Allowed {
  breakGlass: boolean;
  /** Everything that names the person, for four eyes. */
  identities: readonly string[];
}

/** What is asked about people: the configuration, and Slack where it is configured. */
export interface Registrar {
  settings: Pick<Settings, "approvers">;
  directory: Directory | null;
}

/**
 * Whether this person may decide, asked anew at each decision (P10, R21). On a terminal identity is only asserted; `*`
 * lets everybody who can run the command decide, an empty list nobody. Slack ids and group membership are read from Slack
 * now; when that fails the answer is no. `--break-glass` is always possible and always loud.
 * @throws NOT_AN_APPROVER (77), DIRECTORY_UNAVAILABLE (69)
 */
export async function authorize(
  { settings, directory }: Registrar,
  actor: Actor,
  breakGlass: { reason: string } | null,
): Promise<Allowed> {
  const { approvers } = settings;
  const identities = identitiesOf(actor);
  switch (actor.via) {
    case "cli": {
      const name = actor.name.replace(/^cli:/, "");
      if (approvers.cli.includes("*") || approvers.cli.includes(name)) return { breakGlass: false, identities };
      if (breakGlass !== null) return { breakGlass: true, identities };
      throw new KeyturnError("NOT_AN_APPROVER", `${name} is not in approvers.cli.`);
    }
    case "slack":
      return { breakGlass: false, identities: await slackIdentities(approvers.slack, directory, actor) };
    case "oidc": {
      const { subject, groups } = actor.oidc ?? { subject: "", groups: [] };
      const listed = approvers.oidc.subjects.includes(subject) || approvers.oidc.groups.some((g) => groups.includes(g));
      if (listed) return { breakGlass: false, identities };
      throw new KeyturnError("NOT_AN_APPROVER", `${actor.name} is not in approvers.oidc.`);
    }
    // The holder of a configured token: its scopes were checked where it came in.
    case "api":
    // We ourselves, where the policy asks nobody.
    case "policy":
    case "worker":
    case "scan":
      return { breakGlass: false, identities };
  }
}

async function slackIdentities(
  approvers: Settings["approvers"]["slack"],
  directory: Directory | null,
  actor: Actor,
): Promise<readonly string[]> {
  const member = await requireMember(directory, actor);
  if (directory === null || !(await isListed(approvers, directory, member.userId)))
    throw new KeyturnError("NOT_AN_APPROVER", "You are not among the approvers.slack of the configuration.", {
      next: "Ask one of the people named on the card.",
    });
  return member.email === null ? [actor.name] : [actor.name, `mail:${member.email}`];
}

/**
 * The person as Slack knows them now: a full member of our workspace.
 * @throws NOT_AN_APPROVER for everybody else, DIRECTORY_UNAVAILABLE
 */
export async function requireMember(directory: Directory | null, { slack: who }: Actor): Promise<Member> {
  if (directory === null || who === undefined) throw new KeyturnError("NOT_AN_APPROVER", "Slack is not configured.");
  const [team, member] = await Promise.all([directory.teamId(), directory.member(who.userId)]);
  if (who.teamId !== team || member === null || (member.teamId !== team && member.teamId !== ""))
    throw new KeyturnError("NOT_AN_APPROVER", "You belong to another Slack workspace.");
  if (member.barred !== null) throw new KeyturnError("NOT_AN_APPROVER", `Your Slack account is ${member.barred}.`);
  return member;
}

async function isListed(
  { users, groups }: Settings["approvers"]["slack"],
  directory: Directory,
  userId: string,
): Promise<boolean> {
  if (users.includes(userId)) return true;
  for (const group of groups) if ((await directory.groupMembers(group)).includes(userId)) return true;
  return false;
}
