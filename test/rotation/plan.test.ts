import { describe, expect, it } from "vitest";
import { planHashOf } from "../../src/rotation/plan.ts";
import type { Plan } from "../../src/rotation/record.ts";
import { DAY, HOUR, aDestination, aPlan } from "../support/records.ts";

const vault = aDestination("prod/key", {
  store: "prod",
  type: "hashicorp-vault",
  location: { address: "https://vault:8200", mount: "kv" },
  field: "KEY",
});
const plan = aPlan({ targets: ["billing", "reports"], destinations: [vault, aDestination("b.env")] });
const withDestination = (more: Partial<Plan["destinations"][0]>): Plan => ({
  ...plan,
  destinations: [{ ...vault, ...more }, aDestination("b.env")],
});

/** The same value with the names of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
}

describe("R15, P10: the plan hash", () => {
  it("is the full SHA-256 of canonical JSON, the same in every version and process", () => {
    expect(planHashOf(aPlan())).toMatch(/^[0-9a-f]{64}$/);
    expect(planHashOf(aPlan())).toBe("38fd45322f8037cd402278e9155b239a54394bd27081608b9f782b7cad322644");
  });

  it("does not depend on the order in which names were written", () => {
    const other = reversed(plan) as Plan;
    expect(Object.keys(other)).not.toEqual(Object.keys(plan));
    expect(planHashOf(other)).toBe(planHashOf(plan));
  });

  it.each<{ what: string; changed: Plan }>([
    { what: "the target's name", changed: { ...plan, targets: ["billing-eu", "reports"] } },
    { what: "R1: one target more", changed: { ...plan, targets: [...plan.targets, "ads"] } },
    { what: "the outgoing key", changed: { ...plan, outgoingKeyId: "apikey_other" } },
    { what: "the reason's class", changed: { ...plan, urgency: "urgent" } },
    { what: "a destination less", changed: { ...plan, destinations: [vault] } },
    { what: "a destination more", changed: { ...plan, destinations: [...plan.destinations, aDestination("c.env")] } },
    { what: "a destination's store", changed: withDestination({ store: "staging" }) },
    { what: "a destination's kind of store", changed: withDestination({ type: "azure-key-vault" }) },
    {
      what: "a destination's endpoint",
      changed: withDestination({ location: { address: "https://evil:8200", mount: "kv" } }),
    },
    { what: "a destination's secret", changed: withDestination({ secret: "prod/other" }) },
    { what: "a destination's field", changed: withDestination({ field: "OTHER" }) },
    { what: "a destination without its field", changed: withDestination({ field: null }) },
    { what: "the approvals needed", changed: { ...plan, approvals: 2 } },
    { what: "the quiet time", changed: { ...plan, drain: { ...plan.drain, quietForMs: HOUR } } },
    { what: "the drain limit", changed: { ...plan, drain: { ...plan.drain, limitMs: DAY } } },
    { what: "the grace period", changed: { ...plan, gracePeriodMs: DAY } },
    { what: "R22: the name the replacement must have", changed: { ...plan, requiredName: "prod-billing" } },
  ])("changes with $what", ({ changed }) => {
    expect(planHashOf(changed)).not.toBe(planHashOf(plan));
  });
});
