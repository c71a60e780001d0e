import { approve } from "../../app/approve.ts";
import { type Decider, cancel, proceed, reject, retry, snooze } from "../../app/decisions.ts";
import type { Deps } from "../../app/deps.ts";
import { canAddEyes } from "../../app/four-eyes.ts";
import { hold, unhold } from "../../app/hold.ts";
import { reinstate } from "../../app/reinstate.ts";
import { revoke } from "../../app/revoke.ts";
import { type Settings, identitiesOf } from "../../ports/settings.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { State } from "../../rotation/states.ts";
import { destinationOf } from "../../rotation/transition.ts";
import { labelOf } from "./words.ts";

/** What is known when it is decided which actions a page offers. */
export interface Situation {
  r: Rotation;
  by: Decider;
  /** Subjects held by `hold`. */
  held: ReadonlySet<string>;
  settings: Pick<Settings, "approvers">;
}

/** One thing a person can do to a rotation. What a page does not offer is still checked where it is done. */
export interface Action {
  offered(s: Situation): boolean;
  /** @returns the line that the next page shows. @throws KeyturnError: nothing was done */
  run(deps: Deps, r: Rotation, by: Decider, fields: URLSearchParams): Promise<string>;
}

const DAY = 86_400_000;
const open = (r: Rotation): boolean => r.endedAt === null;
const undecided = (r: Rotation): boolean => r.state === "awaiting_approval" && r.reason !== "compromised";
const REVOKED: readonly State[] = ["revoking", "grace_period", "archiving"];
const NOT_REINSTATABLE: readonly State[] = ["awaiting_approval", "rolling_back", "reinstating", "reinstated"];
const INACTIVE: readonly State[] = ["deactivating", "grace_period", "archiving"];

/** What a hold on this rotation is set on: its target, or a key of no target. */
export const subjectOf = (r: Rotation): string => r.target ?? r.outgoing.id;

export const hasApproved = ({ r, by }: Situation): boolean => {
  const me = identitiesOf(by.actor);
  return r.approvals.some((a) => (a.identities ?? [a.actor]).some((identity) => me.includes(identity)));
};

const needsApproval = (r: Rotation): boolean =>
  open(r) &&
  (r.state === "awaiting_approval" || r.approvals.length < r.approvalsNeeded || r.attention?.code === "plan_changed");

export const ACTIONS: Record<string, Action> = {
  approve: {
    offered: (s) =>
      (needsApproval(s.r) || canAddEyes(s.settings, s.r, s.by.actor.via)) &&
      (!hasApproved(s) || s.r.attention?.code === "plan_changed"),
    run: async (deps, r, by, fields) => {
      const after = await approve(deps, r.id, by, needed(fields, "shown", "The plan that was shown is missing."));
      const missing = after.approvalsNeeded - after.approvals.length;
      if (after.state === "awaiting_approval")
        return `Your approval counts; ${missing} more ${missing === 1 ? "is" : "are"} needed.`;
      return after.state === "awaiting_replacement"
        ? "Approved. Next, somebody creates the replacement key in the Console and hands it over."
        : "Approved.";
    },
  },
  reject: {
    offered: ({ r }) => undecided(r),
    run: async (deps, r, by, fields) => {
      await reject(deps, r.id, by, reasonIn(fields));
      return "Rejected. It is not proposed again for a week.";
    },
  },
  snooze: {
    offered: ({ r }) => undecided(r),
    run: async (deps, r, by, fields) => {
      const days = Number(needed(fields, "days", "Say for how many days."));
      if (!Number.isInteger(days) || days < 1 || days > 30)
        throw new KeyturnError("USAGE", "A rotation is snoozed for 1 to 30 days.", { next: "Choose another time." });
      // A minute less than the limit: the use case compares with its own clock, a moment later.
      await snooze(deps, r.id, by, deps.clock.now() + days * DAY - 60_000);
      return `Snoozed for ${days} day${days === 1 ? "" : "s"}.`;
    },
  },
  cancel: {
    offered: ({ r }) =>
      destinationOf(r, "cancelled") !== null &&
      (r.reason !== "compromised" || r.state === "reinstated") &&
      r.state !== "awaiting_approval",
    run: async (deps, r, by, fields) => {
      const after = await cancel(deps, r.id, by, reasonIn(fields));
      return after.endedAt === null ? "Stopping: everything is put back." : "Stopped.";
    },
  },
  retry: {
    offered: ({ r }) =>
      open(r)
        ? r.attention !== null || r.retry !== null || r.state === "reinstated"
        : r.state !== "completed" && (r.notBefore !== null || r.state === "rolled_back"),
    run: async (deps, r, by) => {
      const after = await retry(deps, r.id, by);
      if (r.endedAt !== null) return "Its target may be proposed again by the next scan.";
      return r.state === "reinstated" ? `Going on: ${labelOf(after).toLowerCase()}.` : "Keyturn looks again now.";
    },
  },
  proceed: {
    offered: ({ r }) => open(r) && destinationOf(r, "proceed") !== null,
    run: async (deps, r, by, fields) => {
      const reason = needed(fields, "reason", "Say why it is safe to go on.");
      await proceed(deps, r.id, by, reason);
      return "Going on, as you decided.";
    },
  },
  reinstate: {
    offered: ({ r }) =>
      open(r) && !NOT_REINSTATABLE.includes(r.state) && (INACTIVE.includes(r.state) || r.reason === "compromised"),
    run: async (deps, r, by) => {
      await reinstate(deps, r.id, by);
      return `${r.outgoing.name} is being made active again.`;
    },
  },
  hold: {
    offered: ({ r, held }) => open(r) && !held.has(subjectOf(r)),
    run: (deps, r, by) => holdOn(deps, subjectOf(r), by),
  },
  unhold: {
    offered: ({ r, held }) => open(r) && held.has(subjectOf(r)),
    run: (deps, r, by) => unholdOn(deps, subjectOf(r), by),
  },
  revoke: {
    offered: ({ r }) => open(r) && r.target !== null && !REVOKED.includes(r.state),
    run: async (deps, r, by) => (await revoke(deps, subjectOf(r), by, { unmanaged: false })).message,
  },
};

export async function holdOn(deps: Deps, subject: string, by: Decider): Promise<string> {
  await hold(deps, subject, by);
  return `Held: nothing of ${subject} is deactivated or archived until the hold is lifted.`;
}

export async function unholdOn(deps: Deps, subject: string, by: Decider): Promise<string> {
  await unhold(deps, subject, by);
  return `The hold on ${subject} is lifted.`;
}

const reasonIn = (fields: URLSearchParams): string | null => {
  const text = (fields.get("reason") ?? "").trim().slice(0, 500);
  return text === "" ? null : text;
};

function needed(fields: URLSearchParams, name: string, otherwise: string): string {
  const text = (fields.get(name) ?? "").trim().slice(0, 500);
  if (text === "") throw new KeyturnError("USAGE", otherwise, { next: "Fill it in and send it again." });
  return text;
}
