import type { Directory, Member } from "../../../src/ports/directory.ts";
import type { Actor } from "../../../src/ports/settings.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";

export const TEAM = "T0TEAM";

/** Slack's people as a test sets them; `down` makes every question fail. */
export interface MemoryDirectory extends Directory {
  members: Map<string, Member>;
  groups: Map<string, string[]>;
  down: boolean;
}

export function memoryDirectory(userIds: readonly string[] = []): MemoryDirectory {
  const ask = <T>(answer: () => T): Promise<T> =>
    directory.down ? Promise.reject(new KeyturnError("DIRECTORY_UNAVAILABLE")) : Promise.resolve(answer());
  const directory: MemoryDirectory = {
    members: new Map(userIds.map((id) => [id, aMember(id)])),
    groups: new Map(),
    down: false,
    teamId: () => ask(() => TEAM),
    member: (userId) => ask(() => directory.members.get(userId) ?? null),
    groupMembers: (group) =>
      ask(() => {
        const members = directory.groups.get(group);
        if (members === undefined) throw new KeyturnError("DIRECTORY_UNAVAILABLE");
        return members;
      }),
  };
  return directory;
}

export const aMember = (userId: string, more: Partial<Member> = {}): Member => ({
  userId,
  teamId: TEAM,
  displayName: userId.toLowerCase(),
  email: null,
  barred: null,
  ...more,
});

/** Somebody who clicks in Slack. */
export const slackActor = (userId: string): Actor => ({
  name: `slack:${userId}`,
  via: "slack",
  slack: { teamId: TEAM, userId },
});
