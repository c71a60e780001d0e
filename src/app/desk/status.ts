import type { DeskAnswer } from "../../ports/desk.ts";
import type { Actor } from "../../ports/settings.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { STATES } from "../../rotation/states.ts";
import { authorizeOn } from "../decisions.ts";
import type { Deps } from "../deps.ts";
import { findRotation, openRotations } from "../find.ts";
import { holdsOn, subjectsOf } from "../holds.ts";
import { resolveTarget } from "../plans.ts";
import { by, said } from "./decide.ts";
import { STATE_WORDS, nameOf, personWords, reasonWords, spanWords, standing, timeWords } from "./words.ts";

/** A private message of more lines is not read. */
const LINES = 15;

/**
 * What is open, or one rotation in full, for those who may decide; it names no key text. A refusal is on record.
 * @throws NOT_AN_APPROVER, DIRECTORY_UNAVAILABLE, NOT_FOUND, USAGE when what is asked about has a key in it
 */
export async function statusOf(deps: Deps, actor: Actor, about: string | null): Promise<DeskAnswer> {
  await authorizeOn(deps, about ?? "every target", by(actor));
  return about === null ? overview(deps) : details(deps, about);
}

async function overview(deps: Deps): Promise<DeskAnswer> {
  const open = await openRotations(deps);
  if (open.length === 0) return said(true, "No rotation is open. Every configured key is either fresh or not yet due.");
  const people = open.filter(needsSomebody);
  const rest = open.filter((r) => !needsSomebody(r));
  const now = deps.clock.now();
  const lines = [...people, ...rest].slice(0, LINES).map((r) => line(r, now));
  const more = open.length > LINES ? [`… and ${open.length - LINES} more: keyturn list`] : [];
  const head = `${count(open.length, "rotation")} open, ${people.length} of them waiting for a person.`;
  return said(true, [head, ...lines, ...more, "One in full: /keyturn status <target>"].join("\n"));
}

const needsSomebody = (r: Rotation): boolean =>
  r.attention !== null || ["approver", "operator", "person"].includes(STATES[r.state] ?? "");

function line(r: Rotation, now: number): string {
  const trouble = r.attention === null ? "" : `. NEEDS ATTENTION: ${r.attention.message}`;
  return `• ${nameOf(r)}: ${STATE_WORDS[r.state]}, for ${spanWords(now - r.enteredAt)}${trouble}`;
}

async function details(deps: Deps, about: string): Promise<DeskAnswer> {
  const r = await findRotation(deps, about).catch((error: unknown) => {
    if (error instanceof KeyturnError && error.code === "NOT_FOUND" && resolveTarget(deps.settings, about) !== null)
      return null;
    throw error;
  });
  if (r === null) return said(true, `${about} has never been rotated by Keyturn, and nothing is open for it.`);
  const holds = await holdsOn(deps, subjectsOf(r));
  const approved = r.approvals.map((a) => `${personWords(a.actor)} on ${timeWords(a.at)}`).join("; ");
  const rows = [
    standing(r),
    `Rotation ${r.id}, opened ${timeWords(r.createdAt)}: ${reasonWords(r)}.`,
    `Outgoing key: ${r.outgoing.name}${r.outgoing.hint === null ? "" : ` (${r.outgoing.hint})`}.`,
    ...(r.replacement === null ? [] : [`Replacement: ${r.replacement.name}.`]),
    ...(approved === "" ? [] : [`Approvals: ${approved}.`]),
    ...(r.deadline === null || r.endedAt !== null ? [] : [`Until ${timeWords(r.deadline)}.`]),
    ...(holds.length === 0 ? [] : [`Held: ${holds.join(", ")}.`]),
    ...(r.attention === null ? [] : [`NEEDS ATTENTION: ${r.attention.message} Next: ${r.attention.next}`]),
  ];
  return said(true, rows.join("\n"));
}

const count = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? "" : "s"}`;
