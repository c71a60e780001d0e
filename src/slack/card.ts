import { createHash } from "node:crypto";
import { describeDestination } from "../rotation/locks.ts";
import { REASONS } from "../rotation/codes.ts";
import { exceedsLimit, expectedQuietMs, isHabitUnknown } from "../rotation/drain.ts";
import { impactOf } from "../rotation/impact.ts";
import type { Rotation } from "../rotation/record.ts";
import { isFinal } from "../rotation/states.ts";
import { buttonsOf } from "./card-actions.ts";
import { titleOf, standsAt } from "./card-states.ts";
import { code, escaped, inWords, lines, mentions, personOf, when } from "./escape.ts";
import { LIMIT, type Rendering, context, header, section } from "./message.ts";

/** What a card needs beside the record. */
export interface CardSettings {
  /** null: no pages; the card names commands instead. */
  publicUrl: string | null;
  /** Whether people can sign in and see a rotation's page. */
  dashboard: boolean;
  /** False: nobody hears a button now, so there is none, and the card names commands. Absent: they are heard. */
  clicksReach?: boolean;
  approvers: { users: readonly string[]; groups: readonly string[] };
}

/**
 * The one message of a rotation, from its record alone, so that every edit leads to the same card whoever makes it. It
 * names instants and no distances to now: it changes only when the record does.
 * @param older an earlier card of this rotation may stand in the channel as well
 */
export function renderCard(r: Rotation, given: CardSettings, holds: readonly string[], older: boolean): Rendering {
  const title = titleOf(r);
  const unheard = given.clicksReach === false;
  const settings = unheard ? { ...given, publicUrl: null } : given;
  const buttons = unheard ? [] : buttonsOf(r, settings);
  const text = `${title} ${firstSentence(r)}`.trimEnd();
  return {
    text: escaped(text, 400),
    blocks: [
      header(title),
      ...(r.attention === null ? [] : [section(attentionOf(r))]),
      section(lines(standsAt(r, settings), LIMIT.section)),
      section(lines(factsOf(r, settings, holds), LIMIT.section)),
      ...buttons,
      context(lines(footOf(r, settings, older), LIMIT.context)),
    ],
  };
}

/** What becomes of a card that another one replaced: nothing to press. */
export function renderSuperseded(r: Rotation): Rendering {
  const text = `${titleOf(r)} Superseded: a newer card of this rotation stands below.`;
  return {
    text: escaped(text, 400),
    blocks: [header(titleOf(r)), context(`Superseded by a newer card · ${code(r.id)}`)],
  };
}

/** Tells whether a card changed. */
export const hashOf = ({ text, blocks }: Rendering): string =>
  createHash("sha256")
    .update(JSON.stringify([text, blocks]))
    .digest("hex")
    .slice(0, 32);

/** For notifications and screen readers, after the title. */
function firstSentence(r: Rotation): string {
  if (r.attention !== null) return `Needs attention: ${r.attention.message}`;
  if (r.state === "awaiting_approval") return `Somebody has to decide: ${REASONS[r.reason]}.`;
  if (r.state === "awaiting_replacement") return "Somebody has to create a key and hand it over.";
  return "";
}

function attentionOf({ attention }: Rotation): string {
  if (attention === null) return "";
  return lines(
    [
      `:warning: *Needs attention* since ${when(attention.since)}`,
      escaped(attention.message, 400),
      escaped(impactOf(attention.code), 300),
      `*Next:* ${code(attention.next, 300)}`,
    ],
    LIMIT.section,
  );
}

/** What, why, where, who: the same lines in every state. */
function factsOf(r: Rotation, { approvers }: CardSettings, holds: readonly string[]): string[] {
  const { outgoing, replacement, plan } = r;
  const hint = (h: string | null) => (h === null ? "" : ` (${code(h)})`);
  const others = plan.targets.filter((t) => t !== r.target);
  const ageMs = r.createdAt - outgoing.createdAt;
  const open = !isFinal(r.state);
  return [
    `*Outgoing key:* ${code(outgoing.name)}${hint(outgoing.hint)}${ageMs > 0 ? `, ${inWords(ageMs)} old when this began` : ""}`,
    ...(replacement === null ? [] : [`*Replacement key:* ${code(replacement.name)}${hint(replacement.hint)}`]),
    `*Why:* ${escaped(REASONS[r.reason])}${r.reason === "requested" ? ` (${openedBy(r)})` : ""}`,
    ...(others.length === 0
      ? []
      : [
          `*Also used by:* ${others
            .slice(0, 10)
            .map((t) => code(t))
            .join(", ")}${others.length > 10 ? " …" : ""}`,
        ]),
    ...(holds.length === 0
      ? []
      : [
          `*Held:* nothing is deactivated or archived (${holds
            .slice(0, 5)
            .map((h) => code(h))
            .join(", ")})`,
        ]),
    ...approvalsOf(r),
    ...(r.state === "awaiting_approval" && (approvers.users.length > 0 || approvers.groups.length > 0)
      ? [`*Who may decide:* ${mentions(approvers)}`]
      : []),
    ...(open && r.state === "awaiting_approval" ? drainOf(r) : []),
    `*Where it is written:*${plan.destinations.length === 0 ? " nowhere; the key belongs to no target" : ""}`,
    ...plan.destinations.map((d) => `• ${code(describeDestination(d), 120)}`),
  ];
}

const openedBy = (r: Rotation): string => {
  const opened = r.history.find((h) => h.event === "opened");
  return opened === undefined ? "not known by whom" : `by ${personOf(opened.actor)}`;
};

function approvalsOf(r: Rotation): string[] {
  if (r.approvals.length === 0) return [];
  const given = r.approvals
    .slice(0, 10)
    .map((a) => `${personOf(a.actor)} ${when(a.at)}${a.breakGlass ? " *by breaking the glass*" : ""}`);
  const more = r.approvals.length > 10 ? ` and ${r.approvals.length - 10} more` : "";
  const count = r.approvals.length < r.approvalsNeeded ? ` (${r.approvals.length} of ${r.approvalsNeeded})` : "";
  const label = r.approvals.some((a) => a.breakGlass) ? ":rotating_light: *Approved by*" : "*Approved by*";
  return [`${label}${count}: ${given.join(", ")}${more}`];
}

/** What to expect of the wait for the outgoing key's quiet (R13). */
function drainOf(r: Rotation): string[] {
  const { drain, gracePeriodMs } = r.plan;
  const after = `then it is deactivated, and archived ${inWords(gracePeriodMs)} later`;
  const expected = expectedQuietMs(r);
  if (expected === 0) return [`*Afterwards:* the outgoing key's use is not watched; ${after}.`];
  const habit = expected !== null && expected > drain.quietForMs ? ", its longest pause in the month before" : "";
  const quiet = `${inWords(expected ?? drain.quietForMs)}${habit}`;
  const limit = inWords(drain.limitMs);
  if (exceedsLimit(drain, expected))
    return [
      `*Afterwards:* the outgoing key should be unused for ${quiet}, but the limit is ${limit}: a person will have to decide (\`keyturn proceed\`); ${after}.`,
    ];
  return [
    `*Afterwards:* both keys work until the outgoing one is unused for ${quiet} (within ${limit}); ${after}.`,
    ...(isHabitUnknown(r, expected)
      ? ["How long the outgoing key pauses is not known, because its usage could not be read: it may take longer."]
      : []),
  ];
}

function footOf(r: Rotation, { publicUrl, dashboard, clicksReach }: CardSettings, older: boolean): string[] {
  return [
    `${code(r.id)} · plan ${code(r.planHash.slice(0, 16))} · opened ${when(r.createdAt)}${publicUrl === null || !dashboard ? ` · ${code(`keyturn show ${r.id}`)}` : ""}`,
    ...(clicksReach === false && r.state === "awaiting_approval"
      ? [
          `Without buttons, since no server would hear them. Also: ${code(`keyturn reject ${r.id}`)}, ${code(`keyturn snooze ${r.id} --until 1d`)}.`,
        ]
      : []),
    ...(older ? ["An older card of this rotation may stand above; this one counts."] : []),
  ];
}
