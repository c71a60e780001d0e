import type { AuditTrail } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/notifier.ts";
import type { Refusals, Refused } from "../../ports/refusals.ts";
import { asKeyturnError } from "../../rotation/errors.ts";

/** One entry a minute for each reason: a flood of forged requests must not fill the audit log. */
const EVERY_MS = 60_000;

/** @param deps the log is told when the audit log cannot be written: then it is the record */
export function createRefusals(deps: { clock: Clock; audit: Pick<AuditTrail, "append">; log: Log }): Refusals {
  const seen = new Map<string, { since: number; untold: number }>();
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
  return {
    note: async (reason, what) => {
      const now = deps.clock.now();
      const last = seen.get(reason);
      if (last !== undefined && now - last.since < EVERY_MS && now >= last.since) {
        last.untold++;
        return;
      }
      seen.set(reason, { since: now, untold: 0 });
      deps.log.warn(
        { event: "click.refused", reason, actor: what.actor, rotation: what.rotation ?? null },
        "a click was refused",
      );
      await append(reason, what, last?.untold ?? 0);
    },
    close: async () => {
      for (const [reason, { untold }] of seen) if (untold > 0) await append(reason, { actor: null }, untold);
      seen.clear();
    },
  };
}
