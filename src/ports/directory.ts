/** A person as Slack knows them now. */
export interface Member {
  userId: string;
  teamId: string;
  /** What people call them; for display only, never for a decision. */
  displayName: string;
  /** Lower case; null when Slack does not tell (scope users:read.email). */
  email: string | null;
  /** Why this account may never decide: deactivated, a guest, a bot, of another workspace; null: it may. */
  barred: string | null;
}

/** Slack's people and groups, asked at the moment of a decision. Nothing here is cached. */
export interface Directory {
  /** The workspace that people must belong to. @throws DIRECTORY_UNAVAILABLE */
  teamId(): Promise<string>;
  /** null: Slack knows no such person. @throws DIRECTORY_UNAVAILABLE */
  member(userId: string): Promise<Member | null>;
  /** Ids of the members of a user group. @throws DIRECTORY_UNAVAILABLE also when the group is gone or may not be read */
  groupMembers(groupId: string): Promise<readonly string[]>;
}
