import { decide } from "../../src/rotation/decide.ts";
import { judgeDrain } from "../../src/rotation/drain.ts";
import type { Observation } from "../../src/rotation/observation.ts";
import { type P1Facts, lackOfP1, lackOfProof, lackOfTime, lastLook } from "../../src/rotation/promises.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { Event } from "../../src/rotation/states.ts";
import { isFinal } from "../../src/rotation/states.ts";
import { amend, destinationOf, move, withoutReplacement } from "../../src/rotation/transition.ts";
import { aDestination, aKey, aPlan, aRotation, DAY, HOUR, NOON } from "../support/records.ts";

/** A destructive call, and the world as it was when its proof was made (P1 allows a proof five minutes, R9 ten seconds). */
interface Call {
  record: Rotation;
  effect: "deactivate" | "archive";
  checkedAt: number;
  values: readonly Key[];
  inUse: Status;
  clockSkew: number;
  live: Live;
}
type Key = "apikey_out" | "apikey_new" | "apikey_foreign";
type Status = "active" | "inactive" | "archived" | "expired";
export type Live = "ok" | "doubt" | "bad";

/** A broken promise, found by looking at the model's world and not at the record. */
export class Broken extends Error {}

/**
 * A world small enough to run a hundred thousand times: three keys, two destinations and one of another target. The
 * decisions, judgements and moves are the program's own pure functions; what happens outside is played here.
 */
export class Model {
  now = NOON;
  record: Rotation;
  keys: Record<Key, Status> = { apikey_out: "active", apikey_new: "active", apikey_foreign: "active" };
  /** What applications read: [ours, ours, another target's]. */
  values: [Key, Key, Key] = ["apikey_out", "apikey_out", "apikey_foreign"];
  live: Live = "ok";
  held = false;
  /** As far as anybody could see it: switching to and fro between two looks is invisible to every program. */
  inactiveSince: number | null = null;
  usedUntil = NOON;
  clockSkew = 0;
  /** A worker frozen between its intent and its call. */
  frozen: Call | null = null;
  calls = 0;

  constructor() {
    const plan = aPlan({ destinations: [aDestination("a.env"), aDestination("b.env")] });
    this.record = aRotation({ plan });
  }

  observation(): Observation {
    const seen = (v: Key) =>
      ({
        holds: v === this.record.outgoing.id ? "outgoing" : v === this.record.replacement?.id ? "replacement" : "other",
        fingerprint: `fp-${v}`,
        version: v,
      }) as const;
    return {
      plan: { kind: "same" },
      outgoing: this.keys.apikey_out,
      replacement: this.record.replacement === null ? null : this.keys.apikey_new,
      destinations: [seen(this.values[0]), seen(this.values[1])],
      pending: ["none", "none"],
      holds: this.held ? ["billing (hold)"] : [],
      marks: null,
      newestConfiguration: true,
      at: this.now,
    };
  }

  /** One worker step; `crash` dies before the save, `freeze` stops between the intent and the destructive call. */
  step(how: "whole" | "crash" | "freeze"): void {
    if (isFinal(this.record.state)) return;
    const active = this.keys.apikey_out === "active";
    if (!active) this.inactiveSince ??= this.now;
    // What a dying worker saw and did not save, nobody saw.
    else if (how !== "crash") this.inactiveSince = null;
    const decision = decide(this.record, this.observation());
    if (decision.do === "move") {
      if (how !== "crash") this.move(decision.event, decision.patch);
    } else if (decision.do === "wait" && decision.patch !== undefined) {
      this.record = amend(this.record, decision.patch);
    } else if (decision.do === "perform") {
      this.perform(decision.effect, how);
    }
  }

  private perform(effect: string, how: "whole" | "crash" | "freeze"): void {
    switch (effect) {
      case "verify":
        if (this.live === "bad") this.move("key_rejected");
        else if (this.live === "ok") this.move("verified");
        return;
      case "promote": {
        const at = this.values[0] === "apikey_out" ? 0 : 1;
        this.values[at] = "apikey_new";
        if (how !== "crash")
          this.record = amend(this.record, {
            progress: this.record.progress.map((p, i) => (i === at ? { ...p, promotedAt: this.now } : p)),
          });
        return;
      }
      case "confirm_propagation":
        return this.move("propagated");
      case "check_drain": {
        const verdict = judgeDrain({
          now: this.now,
          propagatedAt: this.record.propagatedAt ?? this.now,
          quietForMs: this.record.plan.drain.quietForMs,
          daysBefore: ["2026-11-18", "2026-11-19"],
          outgoing: {
            lastUsedAt: this.usedUntil >= (this.record.propagatedAt ?? 0) ? this.usedUntil : null,
            freshUntil: this.now - HOUR,
          },
          replacementUsed: true,
        });
        if (verdict.drained) this.move("drained");
        return;
      }
      case "recheck":
        if (this.lackOfP1("any") === null) this.record = amend(this.record, { attention: null });
        return;
      case "deactivate":
      case "archive":
        return this.destroy(effect, how);
      case "revoke_outgoing":
        return this.destroy("deactivate", how);
      case "activate":
        if (this.keys.apikey_out === "inactive") this.activate();
        return;
      case "roll_back":
        this.values = this.values.map((v, i) => (i < 2 && v === "apikey_new" ? "apikey_out" : v)) as Model["values"];
        if (how !== "crash") {
          this.record = amend(this.record, { progress: this.record.progress.map((p) => ({ ...p, promotedAt: null })) });
          this.move("done");
        }
        return;
    }
  }

  private activate(): void {
    this.keys.apikey_out = "active";
  }

  private lackOfP1(expect: "replacement" | "any") {
    const facts: P1Facts = {
      elsewhere: this.values[2] === "apikey_out" ? ["reports.env"] : [],
      destinations: [0, 1].map((i) => ({ where: `${i}.env`, fingerprint: `fp-${this.values[i]}` })),
    };
    const alive = this.keys[this.values[0]] === "active";
    return (
      lackOfP1(this.record, facts, expect) ??
      lackOfProof({ at: this.now, answer: this.live === "ok" && !alive ? "bad" : this.live, cause: "" }, this.now)
    );
  }

  private destroy(effect: "deactivate" | "archive", how: "whole" | "crash" | "freeze"): void {
    const compromised = this.record.reason === "compromised" && effect === "deactivate";
    if (effect === "archive") {
      const clocks = { ours: this.now + this.clockSkew, redis: this.now, api: this.now };
      if (lackOfTime(this.record.graceEndsAt ?? Infinity, clocks) !== null) return;
    }
    const doubt = compromised ? null : this.lackOfP1(effect === "deactivate" ? "replacement" : "any");
    if (doubt !== null) {
      if (doubt.code !== "verification_inconclusive")
        this.move("p1_lost", { attention: { code: doubt.code, message: "", next: "", since: this.now, looks: 1 } });
      return;
    }
    const intended = amend(this.record, { intent: { effect, at: this.now, sent: false } });
    this.record = intended;
    const call: Call = {
      record: intended,
      effect,
      checkedAt: this.now,
      values: [...this.values],
      inUse: this.keys[this.values[0]],
      clockSkew: this.clockSkew,
      live: this.live,
    };
    if (how === "freeze") this.frozen = call;
    else this.send(call, how === "crash");
  }

  /** A frozen worker goes on where it stopped. */
  thaw(): void {
    if (this.frozen !== null) this.send(this.frozen, false);
    this.frozen = null;
  }

  private send(stale: Call, crash: boolean): void {
    if (this.now - stale.checkedAt > 10_000) return;
    const [from, to] =
      stale.effect === "archive" ? (["inactive", "archived"] as const) : (["active", "inactive"] as const);
    const look = {
      revision: this.record.revision,
      holds: this.held ? ["hold"] : [],
      newestConfiguration: true,
      marks: { revision: 0, unknownReplacement: null },
      status: this.keys.apikey_out,
    };
    if (lastLook(stale.record, look, from, to) !== "send") return;
    this.judgeCall(stale);
    this.calls++;
    this.keys.apikey_out = to;
    if (to === "inactive") this.inactiveSince = this.now;
    if (!crash) this.move(to === "inactive" ? "outgoing_inactive" : "outgoing_gone");
  }

  /** The promises, by what is true in the world at the moment of a destructive call. */
  private judgeCall({ effect, values, inUse, clockSkew, live }: Call): void {
    const [a, b, elsewhere] = values;
    if (this.held) throw new Broken("a hold was set");
    if (this.record.reason === "compromised" && effect === "deactivate") return;
    if (a === "apikey_out" || b === "apikey_out" || elsewhere === "apikey_out")
      throw new Broken("P1: a destination holds the outgoing key");
    if (a !== b) throw new Broken("P1: the destinations differ");
    if (inUse !== "active") throw new Broken("P1: the key in use does not work");
    if (live !== "ok") throw new Broken("P12: doubt counted as success");
    if (this.record.approvals.length === 0) throw new Broken("P5: nobody approved");
    if (effect === "deactivate" && a !== "apikey_new") throw new Broken("P1: not our replacement");
    if (effect === "archive") {
      if (this.inactiveSince === null) throw new Broken("P4: the key is not inactive");
      if (this.now - this.inactiveSince < this.record.plan.gracePeriodMs)
        throw new Broken("P4: the grace period is not over");
      if (Math.abs(clockSkew) > 5 * 60_000) throw new Broken("P4: the clocks differ");
    }
  }

  private move(event: Event, patch: Partial<Rotation> = {}): void {
    if (destinationOf({ ...this.record, ...patch }, event) === null) return;
    this.record = move(this.record, { event, at: this.now, actor: "model", via: "model", patch });
  }

  /** What people do; an event that the state does not know is refused, as the commands refuse it. */
  person(doing: string): void {
    const r = this.record;
    if (isFinal(r.state)) return;
    const approval = { actor: "ana", via: "cli", at: this.now, planHash: r.planHash, breakGlass: false } as const;
    switch (doing) {
      case "approve":
        if (r.state === "awaiting_approval") this.move("approved", { approvals: [...r.approvals, approval] });
        return;
      case "submit":
        if (r.state === "awaiting_replacement" && this.keys.apikey_new === "active")
          this.move("staged", { replacement: aKey("apikey_new") });
        return;
      case "revoke":
        return this.move("revoke", {
          reason: "compromised",
          approvals: [approval],
          approvalsNeeded: 1,
          resumeState: r.state === "promoting" ? "promoting" : r.resumeState,
        });
      case "cancel":
        if (r.reason !== "compromised") this.move("cancelled", { rollbackCause: "cancelled" });
        return;
      case "reinstate":
        return this.move("reinstate");
      case "retry":
        return this.move("retry");
      case "proceed":
        if (!this.held) this.move("proceed", { needsProceed: false });
        return;
      case "reject pending":
        if (r.state === "verifying") this.move("key_rejected", withoutReplacement(r));
        return;
      case "hold":
      case "unhold":
        this.held = doing === "hold";
        this.record = amend(r, {});
        return;
    }
  }

  /** What others do to keys, destinations and clocks behind our back. */
  others(doing: string): void {
    switch (doing) {
      case "disable replacement":
        if (this.keys.apikey_new === "active") this.keys.apikey_new = "inactive";
        return;
      case "enable replacement":
        if (this.keys.apikey_new === "inactive") this.keys.apikey_new = "active";
        return;
      case "disable outgoing":
        if (this.keys.apikey_out === "active") this.keys.apikey_out = "inactive";
        return;
      case "enable outgoing":
        if (this.keys.apikey_out === "inactive") this.activate();
        return;
      case "expire outgoing":
        this.keys.apikey_out = "expired";
        return;
      case "restore old value":
        this.values[1] = "apikey_out";
        return;
      case "paste a third key":
        this.values[0] = "apikey_foreign";
        this.values[1] = "apikey_foreign";
        return;
      case "another target takes the key":
        this.values[2] = "apikey_out";
        return;
      case "another target lets go":
        this.values[2] = "apikey_foreign";
        return;
      case "use the outgoing key":
        this.usedUntil = this.now;
        return;
      case "skew the clock":
        this.clockSkew = 8 * DAY;
        return;
      case "mend the clock":
        this.clockSkew = 0;
        return;
    }
  }
}
