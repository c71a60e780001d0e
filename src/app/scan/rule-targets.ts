import type { AdminKey } from "../../ports/key-admin.ts";
import { destinationId } from "../../rotation/locks.ts";
import { sameHint } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import type { Bound } from "./bind.ts";
import { type Unheld, wholeKeys } from "./keys.ts";
import { type ReadTarget, readTargets, wipeAll } from "./read-targets.ts";
import type { Problem } from "./report.ts";
import { type Proposed, proposedTargets } from "./rules.ts";

const AMBIGUOUS = "two rules or two keys render to this destination; none applies";

/**
 * The targets of rules: only where the rendered destination already holds the very key, so that a value nobody can
 * attribute is never overwritten (design section 4). A destination that does not exist makes no target and no noise.
 * @param pages requests that the list of all keys takes
 */
export async function ruleTargets(
  deps: Deps,
  unheld: Iterable<Unheld>,
  named: readonly ReadTarget[],
  pages = 1,
): Promise<{ found: [ReadTarget, Bound][]; problems: Problem[] }> {
  const taken = new Set(named.flatMap((r) => r.target.destinations.map(destinationId)));
  const { proposed, problems } = proposedTargets(deps.settings.rules, unheld, taken);
  // During a rotation both keys may carry the name that renders here; it is looked at through its record.
  const names = [...proposed.keys()];
  const holders = await Promise.all(names.map((name) => deps.rotations.holderOf(`target:${name}`)));
  for (const [n, name] of names.entries()) if (holders[n] !== null) proposed.delete(name);
  const read = await readTargets(
    deps,
    [...proposed.values()].map((p) => p.target),
  );
  const fitting = read.flatMap((r) => {
    const made = proposed.get(r.target.name);
    return made !== undefined && !made.ambiguous && holdsOneValue(r) ? [made.keyId] : [];
  });
  const keys = await wholeKeys(deps, new Set(fitting), pages);
  const found: [ReadTarget, Bound][] = [];
  const unreadable = new Map<string, { problem: Problem; count: number }>();
  for (const r of read) {
    const made = proposed.get(r.target.name);
    const bound = made === undefined ? null : boundBy(deps, made, r, keys);
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

function boundBy(deps: Deps, made: Proposed, r: ReadTarget, keys: ReadonlyMap<string, AdminKey>): Bound | null {
  if (made.ambiguous) {
    // After a loss of Redis the marks may know why two keys carry the name: their rotation is rebuilt from them.
    const ours = r.marks.some(({ facts }) => facts.rotation !== null && facts.install === deps.settings.install);
    return ours ? { key: null, problem: { code: "ambiguous_rule", message: AMBIGUOUS } } : null;
  }
  const key = keys.get(made.keyId);
  if (key === undefined || !holdsOneValue(r)) return null;
  return sameHint(key.hint, r.destinations[0]?.hint ?? null) ? { key, notes: [] } : null;
}

const holdsOneValue = ({ problem, destinations: [first, ...others] }: ReadTarget): boolean =>
  problem === null && first !== undefined && others.every((d) => d.fingerprint === first.fingerprint);

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
