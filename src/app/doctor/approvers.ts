import type { Directory } from "../../ports/directory.ts";
import type { Settings } from "../../ports/settings.ts";
import { type Finding, fail, pass, trouble, warn } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

/** People that Slack is asked about. */
const MOST = 40;
const AT_ONCE = 8;

/** Who of Slack may decide now. `unknown`: some could not be asked, so there may be more. */
export interface People {
  lines: Finding[];
  /** One entry per person. */
  able: Set<string>;
  unknown: boolean;
}

export const NOBODY: People = { lines: [], able: new Set(), unknown: false };

/** Resolves every listed person and group, as a decision would. Everything that fails is a line. */
export async function askPeople(directory: Directory, { approvers }: Settings): Promise<People> {
  const { users, groups } = approvers.slack;
  const people: People = { lines: [], able: new Set(), unknown: false };
  const listed = new Set(users);
  const members = async (group: string) => {
    for (const id of await askGroup(directory, group, people)) listed.add(id);
  };
  await inTurns(groups, members, () => false);
  const asked = [...listed].slice(0, MOST);
  const person = (id: string) => askPerson(directory, id, users.includes(id), people);
  // A Slack that does not answer is not asked forty times.
  const isAway = () => people.lines.some((line) => line.level === "fail") && people.able.size === 0;
  await inTurns(asked, person, isAway);
  if (listed.size > asked.length) people.unknown = true;
  if (listed.size > 0 && people.lines.every((line) => line.level === "pass"))
    people.lines.push(
      pass("slack people", `${people.able.size} may decide${people.unknown ? " of those asked about" : ""}`),
    );
  return people;
}

async function inTurns<T>(all: readonly T[], ask: (one: T) => Promise<void>, enough: () => boolean): Promise<void> {
  for (let i = 0; i < all.length && !enough(); i += AT_ONCE)
    await Promise.all(all.slice(i, i + AT_ONCE).map((one) => ask(one)));
}

async function askGroup(directory: Directory, group: string, people: People): Promise<readonly string[]> {
  const name = `slack group ${group}`;
  try {
    const members = await directory.groupMembers(group);
    const fix = "Add people to it, or take it out of approvers.slack.groups.";
    const count = `${members.length} member${members.length === 1 ? "" : "s"}`;
    people.lines.push(members.length === 0 ? warn(name, "has no members", fix) : pass(name, count));
    return members;
  } catch (error) {
    people.unknown = true;
    people.lines.push(trouble(name, error));
    return [];
  }
}

async function askPerson(directory: Directory, id: string, isNamed: boolean, people: People): Promise<void> {
  const name = `slack person ${id}`;
  try {
    const member = await directory.member(id);
    if (member?.barred === null) people.able.add(member.email ?? id);
    else if (!isNamed) return; // a group may have members who may not decide
    else if (member === null)
      people.lines.push(fail(name, "Slack knows no such person", "Correct approvers.slack.users."));
    else {
      const fix = "Take the id out of approvers.slack.users, or name another.";
      people.lines.push(warn(name, `may not decide: the account is ${member.barred}`, fix));
    }
  } catch (error) {
    people.unknown = true;
    people.lines.push(trouble(name, error));
  }
}

/** Whether rotations can get their approvals at all, and with four eyes (R21; GitHub's trap: a rule nobody can satisfy). */
export function checkEligible(
  s: Pick<Surroundings, "settings" | "decidingTokens" | "oidc">,
  { able, unknown }: People,
): Finding[] {
  const { approvers, targets, rules } = s.settings;
  const name = "approvals";
  const needed = Math.max(
    0,
    ...[...targets, ...rules].map(({ policy }) => (policy.approval.required ? policy.approval.approvals : 0)),
  );
  if (needed === 0) return [pass(name, "no policy asks for an approval")];
  const oidc = !s.oidc ? 0 : approvers.oidc.groups.length > 0 ? Infinity : approvers.oidc.subjects.length;
  const proven = unknown ? Infinity : able.size + oidc;
  // Terminals and tokens give one approval in all, whoever is there (R21).
  const all = proven + (approvers.cli.length > 0 || s.decidingTokens.length > 0 ? 1 : 0);
  if (all === 0)
    return [
      fail(name, "nobody may approve", "Name people under approvers (slack, oidc or cli): docs/configuration.md."),
    ];
  if (all < needed)
    return [
      fail(
        name,
        `a policy asks for ${needed} approvals, and only ${all} can be given (the command line gives one in all)`,
        "Name more people under approvers.slack or approvers.oidc, or lower policy.approval.approvals.",
      ),
    ];
  if (!approvers.fourEyes) return [pass(name, `${many(all)} can be given, ${needed} needed`)];
  if (proven === 0)
    return [
      fail(
        name,
        "approvers.fourEyes needs an approver of Slack or OIDC, and there is none: no rotation would get through",
        "Name people under approvers.slack or approvers.oidc; a terminal or a token never counts as four eyes.",
      ),
    ];
  if (proven === 1)
    return [
      warn(
        name,
        "four eyes with one approver: whoever that is must neither create nor hand over the new key",
        "Name a second person under approvers.slack or approvers.oidc.",
      ),
    ];
  return [pass(name, `${many(all)} can be given, ${needed} needed; four eyes can be satisfied`)];
}

const many = (n: number): string => (n === Infinity ? "enough" : String(n));
