import type { Policy, RuleSetting, Settings, TargetSetting } from "../ports/settings.ts";
import { isUrgent, type Reason } from "../rotation/codes.ts";
import { destinationId } from "../rotation/locks.ts";
import type { Destination, Plan } from "../rotation/record.ts";

/** The name of a rule's target: after the rendered destination, not the key, so that it outlives the key (R22). */
export const ruleTargetName = (dest: Destination): string =>
  `rule:${dest.store}/${dest.secret}${dest.field === null ? "" : `#${dest.field}`}`;

/** The destinations of a rule for one key name. */
export const renderRule = (rule: RuleSetting, keyName: string): Destination[] =>
  rule.destinations.map((d) => ({ ...d, secret: d.secret.replaceAll("{name}", keyName) }));

/** What a key name may contain to be rendered into a destination (R22). */
export const SAFE_NAME = /^[A-Za-z0-9_-]+$/;

/** The key name that renders a template to `secret`; null when none does. */
export function nameRenderedAs(template: string, secret: string): string | null {
  const [before, ...rest] = template.split("{name}");
  if (before === undefined || rest.length !== 1 || rest[0] === undefined) return null;
  if (!secret.startsWith(before) || !secret.endsWith(rest[0]) || secret.length <= before.length + rest[0].length)
    return null;
  const name = secret.slice(before.length, secret.length - rest[0].length);
  return SAFE_NAME.test(name) ? name : null;
}

export interface ResolvedTarget extends TargetSetting {
  /** For a rule's target: the key name that keeps rendering to this destination (R22). */
  requiredName: string | null;
}

/** The targets that the configuration names, in its order. */
export const namedTargets = (settings: Settings): ResolvedTarget[] =>
  settings.targets.map((target) => ({ ...target, requiredName: null }));

/** A target by name, configured or made by a rule; null when the configuration has it no more. */
export function resolveTarget(settings: Settings, name: string): ResolvedTarget | null {
  const named = settings.targets.find((t) => t.name === name);
  if (named !== undefined) return { ...named, requiredName: null };
  if (!name.startsWith("rule:")) return null;
  for (const rule of settings.rules) {
    const first = rule.destinations[0];
    if (first === undefined) continue;
    const secret = name.slice(
      `rule:${first.store}/`.length,
      first.field === null ? undefined : -(first.field.length + 1),
    );
    const keyName = nameRenderedAs(first.secret, secret);
    if (keyName === null) continue;
    const destinations = renderRule(rule, keyName);
    if (destinations[0] === undefined || ruleTargetName(destinations[0]) !== name) continue;
    return { name, destinations, policy: rule.policy, keyId: null, requiredName: keyName };
  }
  return null;
}

/** Of several targets that share a key the most careful answer of each kind counts. */
export function strictest(policies: readonly Policy[]): Policy {
  const [first, ...others] = policies;
  if (first === undefined) throw new Error("no policy");
  return others.reduce(
    (a, b) => ({
      maxAgeMs: Math.min(a.maxAgeMs, b.maxAgeMs),
      gracePeriodMs: Math.max(a.gracePeriodMs, b.gracePeriodMs),
      drain: {
        quietForMs: Math.max(a.drain.quietForMs, b.drain.quietForMs),
        limitMs: Math.max(a.drain.limitMs, b.drain.limitMs),
        acceptNoUsageCheck: a.drain.acceptNoUsageCheck && b.drain.acceptNoUsageCheck,
      },
      replacementWithinMs: Math.max(a.replacementWithinMs, b.replacementWithinMs),
      propagationLimitMs: Math.max(a.propagationLimitMs, b.propagationLimitMs),
      approval: {
        required: a.approval.required || b.approval.required,
        approvals: Math.max(a.approval.approvals, b.approval.approvals),
        expiresAfterMs: Math.min(a.approval.expiresAfterMs, b.approval.expiresAfterMs),
      },
    }),
    first,
  );
}

/** The plan for replacing one key in these targets as the configuration stands now; null when a target is gone (R15). */
export function planFor(
  settings: Settings,
  targetNames: readonly string[],
  outgoingKeyId: string,
  reason: Reason,
): { plan: Plan; policy: Policy } | null {
  const targets = targetNames.map((name) => resolveTarget(settings, name));
  if (targets.length === 0 || targets.some((t) => t === null)) return null;
  const known = targets as ResolvedTarget[];
  const policy = strictest(known.map((t) => t.policy));
  const destinations = new Map(known.flatMap((t) => t.destinations.map((d) => [destinationId(d), d] as const)));
  return {
    policy,
    plan: {
      targets: [...targetNames],
      outgoingKeyId,
      urgency: isUrgent(reason) ? "urgent" : "routine",
      destinations: [...destinations.values()],
      approvals: policy.approval.required ? policy.approval.approvals : 0,
      drain: { quietForMs: policy.drain.quietForMs, limitMs: policy.drain.limitMs },
      gracePeriodMs: policy.gracePeriodMs,
      requiredName: known.find((t) => t.requiredName !== null)?.requiredName ?? null,
    },
  };
}
