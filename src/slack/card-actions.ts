import type { ActionsBlock } from "@slack/types";
import type { Rotation } from "../rotation/record.ts";
import { ACTION, SNOOZE_HOURS, cardValue, menuBlock } from "./actions.ts";
import type { CardSettings } from "./card.ts";
import { inWords } from "./escape.ts";
import { type ActionElement, actions, button, menu, peopleMenu } from "./message.ts";

const HOUR = 3_600_000;

/** What can be done on a card in this state. After the end: nothing, so that no old card looks alive. */
export function buttonsOf(r: Rotation, settings: CardSettings): ActionsBlock[] {
  if (r.endedAt !== null) return [];
  const value = cardValue(r.id, r.planHash);
  const waits = r.state === "awaiting_approval";
  const handover = r.state === "awaiting_replacement" && settings.publicUrl !== null;
  const missing = r.attention?.code === "approval_missing" && !waits;
  // In `reinstated`, trying again means going forward: too much for a button. A changed plan is not shown here yet, so it
  // cannot be approved here.
  const again = r.attention !== null && !missing && r.attention.code !== "plan_changed" && r.state !== "reinstated";
  const elements: ActionElement[] = [
    ...(waits || missing ? [approve(r, value)] : []),
    ...(waits && r.reason !== "compromised" ? [snooze()] : []),
    ...(waits ? [reject(r, value)] : []),
    ...(handover ? handOver(r, value) : []),
    ...(again ? [retry(r, value)] : []),
    ...(settings.publicUrl === null || !settings.dashboard ? [] : [open(r, settings.publicUrl, value)]),
  ];
  // One block, so that its name can tell a menu's click which rotation it is about.
  return elements.length === 0 ? [] : [actions(menuBlock("keyturn_card", value), elements)];
}

const of = (r: Rotation): string => r.target ?? r.outgoing.name;

const approve = (r: Rotation, value: string): ActionElement =>
  button({
    action: ACTION.approve,
    text: "Approve",
    about: `replacing the key of ${of(r)}`,
    value,
    style: "primary",
    confirm: {
      title: "Replace this key?",
      text: `The key ${r.outgoing.name.slice(0, 60)} of ${of(r).slice(0, 60)} will be replaced, and deactivated once nothing uses it. It can be reinstated until it is archived.`,
      yes: "Approve",
      no: "Not now",
    },
  });

const reject = (r: Rotation, value: string): ActionElement =>
  button({
    action: ACTION.reject,
    text: "Reject …",
    about: `replacing the key of ${of(r)}`,
    value,
    style: "danger",
  });

const snooze = (): ActionElement =>
  menu(
    ACTION.snooze,
    "Snooze",
    SNOOZE_HOURS.map((hours) => ({ text: `For ${inWords(hours * HOUR)}`, value: String(hours) })),
  );

export const handOver = (r: Rotation, value: string, text = "Get a one-time link"): ActionElement[] => [
  button({
    action: ACTION.link,
    text,
    about: `to hand over the key of ${of(r)}`,
    value,
  }),
  peopleMenu(ACTION.delegate, "Somebody else hands it over"),
];

const retry = (r: Rotation, value: string): ActionElement =>
  button({ action: ACTION.retry, text: "Try again", about: `the rotation of ${of(r)}`, value });

const open = (r: Rotation, publicUrl: string, value: string): ActionElement =>
  button({
    action: ACTION.open,
    text: "Open",
    about: `the page of the rotation of ${of(r)}`,
    value,
    url: `${publicUrl}/rotations/${encodeURIComponent(r.id)}`,
  });
