import type { RuleSetting } from "../../ports/settings.ts";
import { destinationId } from "../../rotation/locks.ts";
import { type ResolvedTarget, SAFE_NAME, renderRule, ruleTargetName } from "../plans.ts";
import type { Unheld } from "./keys.ts";
import type { Problem } from "./report.ts";

/** A target that a rule would make of a key, if its destination holds that key. */
export interface Proposed {
  target: ResolvedTarget;
  keyId: string;
  /** Two rules or two keys render to this destination: none applies (R22). */
  ambiguous: boolean;
}

/** `*` any characters, `?` one; nothing else is special. */
export function globMatches(pattern: string, name: string): boolean {
  const escaped = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "s").test(name);
}

const matches = (rule: RuleSetting, key: Unheld): boolean =>
  (rule.match.name === null || globMatches(rule.match.name, key.name)) &&
  (rule.match.workspace === null || rule.match.workspace === key.workspaceId);

/**
 * What the rules make of active keys that no named target holds, by the target's name. A named target's destination
 * beats rules; a name that could reach another path than meant makes no target (R22). Pure.
 */
export function proposedTargets(
  rules: readonly RuleSetting[],
  keys: Iterable<Unheld>,
  taken: ReadonlySet<string>,
): { proposed: Map<string, Proposed>; problems: Problem[] } {
  const proposed = new Map<string, Proposed>();
  const byPlace = new Map<string, Proposed>();
  const unsafe: Unheld[] = [];
  for (const key of keys) {
    const matching = rules.filter((rule) => matches(rule, key));
    if (matching.length > 0 && !SAFE_NAME.test(key.name)) {
      unsafe.push(key);
      continue;
    }
    for (const rule of matching) {
      const destinations = renderRule(rule, key.name);
      const [first] = destinations;
      const places = destinations.map(destinationId);
      if (first === undefined || places.some((place) => taken.has(place))) continue;
      const name = ruleTargetName(first);
      const target = { name, destinations, policy: rule.policy, keyId: null, requiredName: key.name };
      const made: Proposed = { target, keyId: key.keyId, ambiguous: false };
      // Not only the first destination names a place that two may want.
      for (const place of places) {
        const other = byPlace.get(place);
        if (other !== undefined) made.ambiguous = other.ambiguous = true;
        byPlace.set(place, made);
      }
      if (!proposed.has(name)) proposed.set(name, made);
    }
  }
  return { proposed, problems: unsafe.length === 0 ? [] : [unsafeNames(unsafe)] };
}

const FEW = 5;
function unsafeNames(keys: readonly Unheld[]): Problem {
  const shown = keys.slice(0, FEW).map((k) => `${JSON.stringify(k.name)} (${k.keyId})`);
  const more = keys.length > FEW ? ` and ${keys.length - FEW} more` : "";
  return {
    code: "unsafe_name",
    target: null,
    message: `${shown.join(", ")}${more}: a rule takes names of letters, digits, _ and - only`,
  };
}
