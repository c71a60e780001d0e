import { REASONS } from "../../rotation/codes.ts";
import { exceedsLimit, isDrainAhead, isHabitUnknown } from "../../rotation/drain.ts";
import { describeDestination } from "../../rotation/locks.ts";
import { STATES } from "../../rotation/states.ts";
import type { RotationView } from "../../rotation/view.ts";
import { nextOf } from "./next.ts";
import { lasting, printable, relative, table } from "./table.ts";

/** One rotation for a person: what is wrong and what is next first, then what, why, where, and how it came here. */
export function rotationText(v: RotationView, now = Date.now()): string {
  const key = (k: RotationView["outgoingKey"] | null) =>
    k === null ? "–" : `${printable(k.name)} (${k.id}${k.hint === null ? "" : `, ${k.hint}`})`;
  const at = (instant: string) => `${instant} (${relative(instant, now)})`;
  const rows: string[][] = [
    ["rotation", v.id],
    ["target", v.target ?? "– (key of no target)"],
    ["state", `${v.state}, since ${at(v.enteredAt)}`],
  ];
  if (v.needsAttention !== null) rows.push(["ATTENTION", v.needsAttention.message]);
  const next = nextOf(v);
  if (next !== null) rows.push(["next", next]);
  if (v.deadline !== null) rows.push(["until", at(v.deadline)]);
  if (v.dueAt !== null) rows.push([v.state === "grace_period" ? "grace ends" : "looks again", at(v.dueAt)]);
  if (v.holds.length > 0) rows.push(["held by", v.holds.join(", ")]);
  if (v.notBefore !== null) rows.push(["not before", `${at(v.notBefore)}; keyturn retry ${v.id} lifts that`]);
  rows.push(
    ["reason", `${v.reason}: ${REASONS[v.reason] ?? "not known to this version"}`],
    ...(v.note === null ? [] : [["reason given", v.note]]),
    ["outgoing key", key(v.outgoingKey)],
    ["replacement", key(v.replacementKey)],
    ...v.plan.destinations.map((d, i) => [i === 0 ? "destinations" : "", describeDestination(d)]),
    ...(isDrainAhead(v.state) ? [["drain", drainOf(v)]] : []),
    ["approvals", `${v.plan.approvals} needed; given by ${v.approvals.map((a) => a.actor).join(", ") || "nobody yet"}`],
    ["plan hash", v.planHash.slice(0, 16)],
  );
  const history = v.history.map((h) => [`  ${h.at}`, h.event, `${h.actor} via ${h.via}`]);
  return `${table(rows)}\n${history.length === 0 ? "" : `\nhistory\n${table(history)}\n`}`;
}

/** What to expect of the wait for the outgoing key's quiet (R13). */
function drainOf(v: RotationView): string {
  const { plan, expectedQuietMs: expected } = v;
  if (expected === 0) return "none: the outgoing key's use is not checked";
  const habit = expected !== null && expected > plan.drain.quietForMs ? ", its longest pause in the month before" : "";
  const quiet = `${lasting(expected ?? plan.drain.quietForMs)}${habit}`;
  const limit = lasting(plan.drain.limitMs);
  if (exceedsLimit(plan.drain, expected))
    return `a person will have to decide: the outgoing key should be unused for ${quiet}, but the limit is ${limit}`;
  const unknown = isHabitUnknown(v, expected) ? "; how long it pauses is not known, so it may take longer" : "";
  return `until the outgoing key is unused for ${quiet}; after ${limit} a person decides${unknown}`;
}

/** Many rotations, a line each; below them what a person has to do, as commands. */
export function rotationList(views: readonly RotationView[], now = Date.now()): string {
  if (views.length === 0) return "No such rotations.";
  const name = (v: RotationView) => v.target ?? v.outgoingKey.id;
  const rows = views.map((v) => [
    v.id,
    name(v),
    v.state,
    v.reason,
    relative(v.enteredAt, now),
    v.needsAttention === null ? waitsFor(v.state) : `ATTENTION: ${v.needsAttention.code}`,
  ]);
  const shown = table([["ROTATION", "TARGET", "STATE", "REASON", "SINCE", "WAITS FOR"], ...rows]);
  const todo = views.filter((v) => v.needsAttention !== null || PEOPLE.includes(STATES[v.state]));
  if (todo.length === 0) return shown;
  return `${shown}\n\nfor people\n${todo.map((v) => `  ${name(v)}: ${v.needsAttention === null ? "" : `${v.needsAttention.message}\n    `}${nextOf(v)}`).join("\n")}`;
}

const waitsFor = (state: string): string => {
  if (!Object.hasOwn(STATES, state)) return "a newer version of Keyturn";
  return WAITS_FOR[STATES[state as RotationView["state"]] ?? "nobody"] ?? "–";
};
const PEOPLE: readonly unknown[] = ["approver", "operator", "person"];
const WAITS_FOR: Record<string, string> = {
  approver: "an approver",
  operator: "an operator",
  person: "a person",
  us: "Keyturn",
  consumers: "destinations",
  clock: "time",
};
