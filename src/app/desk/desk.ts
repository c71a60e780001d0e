import type { Desk } from "../../ports/desk.ts";
import type { Refusals } from "../../ports/refusals.ts";
import type { Deps } from "../deps.ts";
import { approveCard, considerCard, rejectCard, retryCard, snoozeCard } from "./decide.ts";
import { type Handover, delegateTo, linkFor } from "./handover.ts";
import { holdNow, ordering, revokeImpact, revokeNow, rotateNow, unholdNow } from "./orders.ts";
import { statusOf } from "./status.ts";

/** Joins what people say in a chat to the use cases; see the port for what each method promises. */
export function createDesk(given: { deps: Deps; refusals: Refusals; handover: Handover }): Desk {
  const { deps } = given;
  return {
    approve: (click) => approveCard(given, click),
    reject: (click, reason) => rejectCard(given, click, reason),
    snooze: (click, forMs) => snoozeCard(given, click, forMs),
    retry: (click) => retryCard(given, click),
    consider: (click) => considerCard(given, click),
    link: (actor, rotation) => linkFor(given, actor, rotation),
    delegate: (actor, rotation, to) => delegateTo(given, actor, rotation, to),
    status: (actor, about) => ordering(deps, about ?? "", () => statusOf(deps, actor, about)),
    rotate: (actor, target, reason) => rotateNow(deps, actor, target, reason),
    revoke: (actor, subject) => revokeNow(deps, actor, subject),
    revokeImpact: (actor, subject) => revokeImpact(deps, actor, subject),
    hold: (actor, subject) => holdNow(deps, actor, subject),
    unhold: (actor, subject) => unholdNow(deps, actor, subject),
  };
}
