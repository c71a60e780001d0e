import { describe, expect, it } from "vitest";
import {
  SAFE_NAME,
  nameRenderedAs,
  planFor,
  renderRule,
  resolveTarget,
  ruleTargetName,
  strictest,
} from "../../src/app/plans.ts";
import type { Policy } from "../../src/ports/settings.ts";
import { planHashOf } from "../../src/rotation/plan.ts";
import { DAY, HOUR, aDestination } from "../support/records.ts";
import { aPolicy, aRule, aTarget, someApprovers, someSettings } from "../support/settings.ts";

describe("R22: a rule's target outlives the key", () => {
  const rule = aRule({
    destinations: [aDestination("anthropic/{name}"), aDestination("copy/{name}", { field: null })],
  });
  const settings = someSettings({ rules: [rule] });
  const name = "rule:files/anthropic/prod-billing#ANTHROPIC_API_KEY";

  it("is named after the rendered destination, not after the key", () => {
    const [first, second] = renderRule(rule, "prod-billing");
    expect([first?.secret, second?.secret]).toEqual(["anthropic/prod-billing", "copy/prod-billing"]);
    expect(first && ruleTargetName(first)).toBe(name);
    expect(second && ruleTargetName(second)).toBe("rule:files/copy/prod-billing");
  });

  it("is found by its name alone, with the key name that a replacement must have", () => {
    expect(resolveTarget(settings, name)).toEqual({
      name,
      destinations: renderRule(rule, "prod-billing"),
      policy: rule.policy,
      keyId: null,
      requiredName: "prod-billing",
    });
  });

  it("rendering leaves the rule as it was", () => {
    renderRule(rule, "prod-billing");
    expect(rule.destinations[0]?.secret).toBe("anthropic/{name}");
  });

  it.each([
    { what: "another store", wrong: "rule:other/anthropic/prod-billing#ANTHROPIC_API_KEY" },
    { what: "another field", wrong: "rule:files/anthropic/prod-billing#OTHER" },
    { what: "a longer field", wrong: "rule:files/anthropic/prod-billing#XANTHROPIC_API_KEY" },
    { what: "no field", wrong: "rule:files/anthropic/prod-billing" },
    { what: "another path", wrong: "rule:files/openai/prod-billing#ANTHROPIC_API_KEY" },
    { what: "a deeper path", wrong: "rule:files/anthropic/prod/billing#ANTHROPIC_API_KEY" },
    { what: "no name", wrong: "rule:files/anthropic/#ANTHROPIC_API_KEY" },
    { what: "an unsafe name", wrong: "rule:files/anthropic/..#ANTHROPIC_API_KEY" },
    { what: "the second destination, which names no target", wrong: "rule:files/copy/prod-billing" },
    { what: "no rule's name at all", wrong: "files/anthropic/prod-billing#ANTHROPIC_API_KEY" },
  ])("is not found under $what", ({ wrong }) => {
    expect(resolveTarget(settings, wrong)).toBeNull();
  });

  it("R15: is gone when its rule is gone or renders elsewhere", () => {
    expect(resolveTarget(someSettings(), name)).toBeNull();
    const moved = aRule({ destinations: [aDestination("claude/{name}")] });
    expect(resolveTarget(someSettings({ rules: [moved] }), name)).toBeNull();
  });

  it("a configured target of that name beats the rule", () => {
    const named = aTarget(name);
    expect(resolveTarget({ ...settings, targets: [named] }, name)).toEqual({ ...named, requiredName: null });
  });

  it.each<{ template: string; secret: string; name: string | null }>([
    { template: "anthropic/{name}", secret: "anthropic/prod-1_A", name: "prod-1_A" },
    { template: "{name}", secret: "prod", name: "prod" },
    { template: "a/{name}/key", secret: "a/prod/key", name: "prod" },
    { template: "a/{name}/key", secret: "a//key", name: null },
    { template: "ab{name}bc", secret: "abc", name: null }, // front and end must not overlap
    { template: "ab{name}bc", secret: "abbc", name: null },
    { template: "ab{name}bc", secret: "abxbc", name: "x" },
    { template: "a/{name}", secret: "b/prod", name: null },
    { template: "a/{name}.env", secret: "a/prod.txt", name: null },
    { template: "a/{name}", secret: "a/pr.od", name: null },
    { template: "a/{name}", secret: "a/pr/od", name: null },
    { template: "fixed", secret: "fixed", name: null },
    { template: "{name}/{name}", secret: "x/x", name: null },
  ])("$template renders to $secret for the name $name", ({ template, secret, name: found }) => {
    expect(nameRenderedAs(template, secret)).toBe(found);
  });

  it.each(["prod", "Prod_1-x", "9"])("`%s` may be rendered", (safe) => {
    expect(SAFE_NAME.test(safe)).toBe(true);
  });
  it.each(["", "a b", "a/b", "..", "a.b", "a\n", "é", "$&", "{name}"])("`%s` may not be rendered", (unsafe) => {
    expect(SAFE_NAME.test(unsafe)).toBe(false);
  });
});

describe("R1: targets that share a key get the most careful of their policies", () => {
  const lax = aPolicy({
    maxAgeMs: 90 * DAY,
    gracePeriodMs: DAY,
    drain: { quietForMs: 0, limitMs: DAY, acceptNoUsageCheck: true },
    replacementWithinMs: DAY,
    propagationLimitMs: HOUR,
    approval: { required: false, approvals: 1, expiresAfterMs: 3 * DAY },
  });
  const strict = aPolicy({
    maxAgeMs: 30 * DAY,
    gracePeriodMs: 14 * DAY,
    drain: { quietForMs: 48 * HOUR, limitMs: 9 * DAY, acceptNoUsageCheck: false },
    replacementWithinMs: 9 * DAY,
    propagationLimitMs: 2 * HOUR,
    approval: { required: true, approvals: 2, expiresAfterMs: DAY },
  });

  it("in each setting, whichever comes first", () => {
    expect(strictest([lax, strict])).toEqual(strict);
    expect(strictest([strict, lax])).toEqual(strict);
    expect(strictest([lax, strict, lax])).toEqual(strict);
  });

  it("setting by setting, not policy by policy", () => {
    const short: Policy = { ...lax, maxAgeMs: 7 * DAY };
    expect(strictest([short, strict])).toEqual({ ...strict, maxAgeMs: 7 * DAY });
  });

  it("one policy is its own strictest, none is an error", () => {
    expect(strictest([lax])).toEqual(lax);
    expect(() => strictest([])).toThrow("no policy");
  });
});

describe("the plan as the configuration stands now", () => {
  const shared = aDestination("shared.env");
  const settings = someSettings({
    targets: [
      aTarget("billing", { destinations: [aDestination("billing.env"), shared] }),
      aTarget("reports", {
        destinations: [shared, aDestination("reports.env")],
        policy: aPolicy({ gracePeriodMs: 14 * DAY, approval: { required: true, approvals: 2, expiresAfterMs: DAY } }),
      }),
    ],
    rules: [aRule()],
  });

  it("names target, key, class of reason, destinations, approvals, drain and grace", () => {
    expect(planFor(settings, ["billing"], "apikey_out", "age")?.plan).toEqual({
      targets: ["billing"],
      outgoingKeyId: "apikey_out",
      urgency: "routine",
      destinations: [aDestination("billing.env"), shared],
      approvals: 1,
      drain: { quietForMs: 24 * HOUR, limitMs: 7 * DAY },
      gracePeriodMs: 7 * DAY,
      requiredName: null,
    });
  });

  it("R1: a shared key is one plan over the union of the destinations, each once, under the strictest policy", () => {
    const both = planFor(settings, ["billing", "reports"], "apikey_out", "age");
    expect(both?.plan.destinations.map((d) => d.secret)).toEqual(["billing.env", "shared.env", "reports.env"]);
    expect(both?.plan).toMatchObject({ targets: ["billing", "reports"], approvals: 2, gracePeriodMs: 14 * DAY });
    expect(both?.policy.approval.expiresAfterMs).toBe(DAY);
  });

  it.each([
    ["age", "routine"],
    ["expires_soon", "routine"],
    ["requested", "routine"],
    ["compromised", "urgent"],
    ["deactivated_elsewhere", "urgent"],
  ] as const)("reason %s is %s", (reason, urgency) => {
    expect(planFor(settings, ["billing"], "apikey_out", reason)?.plan.urgency).toBe(urgency);
  });

  it("a policy without approval needs none, however many it names", () => {
    const free = aTarget("free", {
      policy: aPolicy({ approval: { required: false, approvals: 3, expiresAfterMs: DAY } }),
    });
    expect(planFor(someSettings({ targets: [free] }), ["free"], "apikey_out", "age")?.plan.approvals).toBe(0);
  });

  it("R22: a rule's target brings the name its replacement must have", () => {
    const found = planFor(settings, ["rule:files/anthropic/prod-x#ANTHROPIC_API_KEY"], "apikey_out", "age");
    expect(found?.plan).toMatchObject({ requiredName: "prod-x", destinations: [aDestination("anthropic/prod-x")] });
  });

  it("R15: null when one of its targets is gone, or renamed", () => {
    expect(planFor(settings, ["billing", "gone"], "apikey_out", "age")).toBeNull();
    expect(planFor(settings, [], "apikey_out", "age")).toBeNull();
  });

  it("R15: settings that are no part of the plan do not change its hash", () => {
    const hash = (s: typeof settings) => planHashOf(planFor(s, ["billing"], "apikey_out", "age")?.plan as never);
    const [billing, reports] = settings.targets;
    const other = someSettings({
      ...settings,
      maxOpenRotations: 1,
      verifyModel: "claude-sonnet-4-5",
      holds: ["billing"],
      approvers: someApprovers({ cli: [], fourEyes: true }),
      configFile: "elsewhere.yaml",
      rules: [],
      targets: [
        ...(reports ? [{ ...reports, policy: aPolicy() }] : []),
        ...(billing
          ? [
              {
                ...billing,
                keyId: "apikey_x",
                policy: aPolicy({ maxAgeMs: DAY, replacementWithinMs: 1, propagationLimitMs: 1 }),
              },
            ]
          : []),
        aTarget("new"),
      ],
    });
    expect(hash(other)).toBe(hash(settings));
  });

  it("R15: nor does the reason within its class", () => {
    const hash = (reason: "age" | "requested") =>
      planHashOf(planFor(settings, ["billing"], "apikey_out", reason)?.plan as never);
    expect(hash("requested")).toBe(hash("age"));
  });
});
