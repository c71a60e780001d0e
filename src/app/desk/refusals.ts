import type { AuditTrail } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/notifier.ts";
import type { Refusals, Refused } from "../../ports/refusals.ts";
import { asKeyturnError } from "../../rotation/errors.ts";

/** One entry a minute for each kind: a flood of requests must not fill the audit log. */
const EVERY_MS = 60_000;
/** Of kinds together, a minute: somebody known can name any number of rotations. */
const MOST = 120;

/** What is counted together: its newest entry, and how many were not written since. */
interface Kind {
  reason: string;
  what: Refused;
  since: number;
  untold: number;
}

/**
 * Refusals of requests that nobody proved are one kind per reason; of a known person, one per reason, person and rotation.
 * @param deps the log is told when the audit log cannot be written: then it is the record
 */
export function createRefusals(deps: { clock: Clock; audit: Pick<AuditTrail, "append">; log: Log }): Refusals {
  const kinds = new Map<string, Kind>();
  let minute = { since: deps.clock.now(), written: 0, untold: 0 };
  const append = async (reason: string, what: Refused, more: number): Promise<void> => {
    try {
      await deps.audit.append([
        {
          at: deps.clock.now(),
          rotation: what.rotation ?? null,
          target: null,
          action: "click.refused",
          actor: what.actor ?? "unknown",
          via: "slack",
          evidence: { reason, ...what.evidence, ...(more > 0 ? { moreSinceLast: more } : {}) },
        },
      ]);
    } catch (error) {
      deps.log.warn(
        { event: "audit.append_failed", code: asKeyturnError(error).code, reason, actor: what.actor },
        "a refused click could not be put on record",
      );
    }
  };
  /** Ends kinds; the counts that nobody told yet are told. */
  const settle = async (over: [string, Kind][]): Promise<void> => {
    for (const [key] of over) kinds.delete(key);
    for (const [, { reason, what, untold }] of over) if (untold > 0) await append(reason, only(what), untold);
  };
  /** @returns how many entries of the minute before were not written */
  const newMinute = (now: number): number => {
    const { untold } = minute;
    minute = { since: now, written: 0, untold: 0 };
    return untold;
  };
  const tellLost = (untold: number) => (untold > 0 ? append("too_many", { actor: null }, untold) : undefined);
  return {
    note: async (reason, what) => {
      const now = deps.clock.now();
      const key = what.actor === null ? reason : JSON.stringify([reason, what.actor, what.rotation ?? null]);
      const last = kinds.get(key);
      if (last !== undefined && !isOver(last.since, now)) {
        last.untold++;
        return;
      }
      // Nothing is waited for until the kind is noted: requests come side by side.
      let lost = 0;
      if (what.actor !== null) {
        if (isOver(minute.since, now)) lost = newMinute(now);
        if (minute.written >= MOST) {
          minute.untold++;
          return;
        }
        minute.written++;
      }
      kinds.set(key, { reason, what, since: now, untold: 0 });
      deps.log.warn(
        { event: "click.refused", reason, actor: what.actor, rotation: what.rotation ?? null },
        "a click was refused",
      );
      await append(reason, what, last?.untold ?? 0);
      await tellLost(lost);
      await settle([...kinds].filter(([, kind]) => kind.what.actor !== null && isOver(kind.since, now)));
    },
    close: async () => {
      await settle([...kinds]);
      await tellLost(newMinute(deps.clock.now()));
    },
  };
}

/** A clock that went back begins anew. */
const isOver = (since: number, now: number): boolean => now - since >= EVERY_MS || now < since;

/** What was seen first of a kind is not what the rest was. */
const only = ({ actor, rotation }: Refused): Refused => ({ actor, rotation: rotation ?? null });
