import { destinationId } from "../../rotation/locks.ts";
import { sameHint } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import type { Bound } from "./bind.ts";
import type { Unheld } from "./keys.ts";
import { type ReadTarget, readTargets, wipeAll } from "./read-targets.ts";
import type { Problem } from "./report.ts";
import { type Proposed, proposedTargets } from "./rules.ts";

const AMBIGUOUS = "two rules or two keys render to this destination; none applies";

/**
 * The targets of rules: only where the rendered destination already holds the very key, so that a value nobody can
 * attribute is never overwritten (design section 4). A destination that does not exist makes no target and no noise.
 */
export async function ruleTargets(
  deps: Deps,
  unheld: Iterable<Unheld>,
  named: readonly ReadTarget[],
): Promise<{ found: [ReadTarget, Bound][]; problems: Problem[] }> {
  const taken = new Set(named.flatMap((r) => r.target.destinations.map(destinationId)));
  const { proposed, problems } = proposedTargets(deps.settings.rules, unheld, taken);
  // During a rotation both keys may carry the name that renders here; it is looked at through its record.
  for (const name of proposed.keys())
    if ((await deps.rotations.holderOf(`target:${name}`)) !== null) proposed.delete(name);
  const read = await readTargets(
    deps,
    [...proposed.values()].map((p) => p.target),
  );
  const found: [ReadTarget, Bound][] = [];
  const unreadable = new Map<string, { problem: Problem; count: number }>();
  for (const r of read) {
    const made = proposed.get(r.target.name);
    const bound = made === undefined ? null : await boundBy(deps, made, r);
    if (bound !== null) found.push([r, bound]);
    else wipeAll([r]);
    if (bound === null && made?.ambiguous === true && r.destinations.length > 0)
      problems.push({ code: "ambiguous_rule", target: r.target.name, message: AMBIGUOUS });
    else if (r.problem !== null && r.problem.code !== "destination_missing") countUnreadable(unreadable, r, r.problem);
  }
  for (const { problem, count } of unreadable.values()) {
    problems.push(
      count === 1
        ? problem
        : { ...problem, message: `${problem.message} (and ${count - 1} more destinations of rules)` },
    );
  }
  return { found, problems };
}

async function boundBy(deps: Deps, made: Proposed, r: ReadTarget): Promise<Bound | null> {
  const [first] = r.destinations;
  if (made.ambiguous) {
    // After a loss of Redis the marks may know why two keys carry the name: their rotation is rebuilt from them.
    const ours = r.marks.some(({ facts }) => facts.rotation !== null && facts.install === deps.settings.install);
    return ours ? { key: null, problem: { code: "ambiguous_rule", message: AMBIGUOUS } } : null;
  }
  if (r.problem !== null || first === undefined || r.destinations.some((d) => d.fingerprint !== first.fingerprint))
    return null;
  const key = (await deps.admin.getKey(made.keyId)).value;
  return key !== null && sameHint(key.hint, first.hint) ? { key, notes: [] } : null;
}

/** A store that is down is said once, not once for each of a thousand keys. */
function countUnreadable(
  found: Map<string, { problem: Problem; count: number }>,
  r: ReadTarget,
  problem: NonNullable<ReadTarget["problem"]>,
): void {
  const at = `${problem.code} ${r.target.destinations[0]?.store}`;
  const known = found.get(at);
  if (known === undefined) found.set(at, { problem: { ...problem, target: r.target.name }, count: 1 });
  else known.count += 1;
}
