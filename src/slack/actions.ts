/** What cards send back. Action ids are stored in messages that live for months: add, never rename. */
export const ACTION = {
  approve: "keyturn_approve",
  reject: "keyturn_reject",
  snooze: "keyturn_snooze",
  retry: "keyturn_retry",
  link: "keyturn_link",
  delegate: "keyturn_delegate",
  /** A button that only opens an address; Slack sends a payload all the same. */
  open: "keyturn_open",
} as const;

/** Modals, by callback id. */
export const MODAL = { reject: "keyturn_reject_reason", revoke: "keyturn_revoke_confirm" } as const;

/** Choices of the snooze menu: value in hours, at most 30 days. */
export const SNOOZE_HOURS = [4, 24, 72, 168] as const;

/** The value of a button: an opaque id and the plan it was shown with; readable by everyone in the channel. */
export const cardValue = (rotation: string, planHash: string): string => `${rotation}|${planHash.slice(0, 16)}`;

/** null for anything else. */
export function readCardValue(value: unknown): { rotation: string; planHash: string } | null {
  const match = typeof value === "string" ? /^(rot_[A-Za-z0-9]{1,40})\|([0-9a-f]{16})$/.exec(value) : null;
  return match === null ? null : { rotation: match[1] ?? "", planHash: match[2] ?? "" };
}

/** A menu has no value of its own beside what was chosen; the block it stands in is named after the card's value. */
export const menuBlock = (action: string, value: string): string => `${action}|${value}`;

/** What `menuBlock` was made of; null for anything else. A snooze's chosen option has the hours as its value. */
export function readMenuBlock(blockId: unknown): { rotation: string; planHash: string } | null {
  return typeof blockId === "string" ? readCardValue(blockId.slice(blockId.indexOf("|") + 1)) : null;
}
