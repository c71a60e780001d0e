import type { Violation } from "./evidence.ts";
import { type Change, type Look, PROOF_MS } from "./look.ts";

/** A call that was looked at before a decision may still arrive this much later, and is then undone (R9), in milliseconds. */
const WINDOW_MS = 12_000;
const UNDONE_WITHIN_MS = 60_000;

const isRevoked = (look: Look, key: string, by: number): boolean =>
  look.deeds("revoked").some((deed) => deed.key === key && deed.from <= by);

/** P1, P4: what the destinations held and what answered when a key was deactivated or archived. */
export function aWorkingKey(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const change of look.ourChanges) {
    const { key, at, status } = change;
    if (status === "active" || (status === "inactive" && isRevoked(look, key, at))) continue;
    const promise = status === "inactive" ? "P1" : "P4";
    const say = (what: string): void => void found.push({ promise, at, what: `${key} was set ${status}: ${what}` });
    for (const dest of look.destinations)
      if (look.holding(dest, at) === key) say(`${dest.target} (${dest.store}/${dest.secret}) held it`);
    for (const target of look.targetsOf(key, at)) {
      const held = new Set(look.destinationsOf(target).map((dest) => look.holding(dest, at)));
      if (held.has(null) || (status === "inactive" && held.size !== 1))
        say(`${target} held ${[...held].join(" and ")}`);
      for (const value of held)
        if (value !== null && !look.provenBetween(value, at - PROOF_MS, at))
          say(`no live call with ${value}, which ${target} held, in the 5 minutes before`);
    }
  }
  return found;
}

/** P1 as applications see it: a value that is current is never refused, unless a person made it so. */
export function applicationsAnswered(look: Look): Violation[] {
  return look.applications.flatMap((call) => {
    const key = look.keyIn(call.digest);
    if (!call.stillCurrent || (call.status !== 401 && call.status !== 403)) return [];
    if (key !== null && isRevoked(look, key, call.at)) return [];
    if (look.deeds("disabled").some((deed) => deed.key === key && deed.from <= call.at)) return [];
    return [
      { promise: "P1", at: call.at, what: `${call.target}: its current value (${key}) was answered ${call.status}` },
    ];
  });
}

/** P4: archived only after the whole grace period, and only while inactive. */
export function graceIsKept(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const change of look.ourChanges.filter(({ status }) => status === "archived")) {
    const inactive = look.histories[change.key]?.findLast(
      (before) => before.at <= change.at && before.status === "inactive",
    );
    const say = (what: string): void =>
      void found.push({ promise: "P4", at: change.at, what: `${change.key} ${what}` });
    if (change.before !== "inactive" || inactive === undefined) say(`was archived while ${change.before}`);
    else if (change.at - inactive.at < look.graceMs)
      say(`was archived ${change.at - inactive.at} ms after its deactivation; the grace period is ${look.graceMs} ms`);
  }
  return found;
}

/** P5: destructive calls only to keys of approved or revoked rotations, and never under a hold. */
export function onlyOurs(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const change of look.ourChanges.filter(({ status }) => status !== "active")) {
    const { key, at, status } = change;
    const say = (what: string): void =>
      void found.push({ promise: "P5", at, what: `${key} was set ${status} ${what}` });
    if (look.bystanders.includes(key)) say("though it belongs to nobody here");
    else if (!isRevoked(look, key, at) && !isApproved(look, key, at)) say("without an approval");
    const hold = holdOver(look, change);
    if (hold !== null) say(`under the hold on ${hold}`);
  }
  return found;
}

const isApproved = (look: Look, key: string, by: number): boolean =>
  look
    .deeds("approved")
    .some(
      (deed) =>
        deed.from <= by && look.destinationsOf(deed.target).some((dest) => look.holding(dest, deed.from) === key),
    );

function holdOver(look: Look, change: Change): string | null {
  const subjects = [change.key, ...look.targetsOf(change.key, change.at)];
  for (const hold of look.deeds("held").filter(({ subject }) => subjects.includes(subject))) {
    if (hold.at > change.at) continue;
    const lifted = look.deeds("lifted").find((deed) => deed.subject === hold.subject && deed.at >= hold.at);
    if (lifted !== undefined && lifted.from <= change.at) continue;
    const undone =
      change.status === "inactive" &&
      change.at - hold.at <= WINDOW_MS &&
      look.ourChanges.some(
        (later) =>
          later.key === change.key &&
          later.status === "active" &&
          later.at >= change.at &&
          later.at <= change.at + UNDONE_WITHIN_MS,
      );
    if (!undone) return hold.subject;
  }
  return null;
}

/** P6, P7: one destructive call for one change; a repeated one needs a lost answer or the window of R9. */
export function calledOnce(look: Look): Violation[] {
  const calls = look.requests.filter(
    (r) =>
      r.method === "POST" && r.applied && r.path.startsWith("/v1/organizations/api_keys/") && r.bodyStatus !== null,
  );
  const found: Violation[] = [];
  for (const [path, ofKey] of Map.groupBy(calls, (r) => r.path)) {
    for (const [i, call] of ofKey.entries()) {
      const before = ofKey[i - 1];
      if (before === undefined || before.bodyStatus !== call.bodyStatus || call.bodyStatus === "active") continue;
      const explained =
        before.outcome !== "answered" ||
        before.status !== 200 ||
        look.disturbances.some(({ from, to }) => from <= call.at && to >= before.at);
      if (!explained) found.push({ promise: "P7", at: call.at, what: `${path} was set ${call.bodyStatus} twice` });
    }
  }
  return found;
}
