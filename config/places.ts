import { didYouMean } from "./fields.ts";
import { findOverlaps } from "./overlaps.ts";
import type { Path } from "./problems.ts";
import type { Config } from "./schema.ts";

/** Reports one problem. */
export type Report = (path: Path, message: string) => void;

/** Names that the file defines, also where their entries have problems of their own. */
export interface Names {
  stores: readonly string[];
  targets: readonly string[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const NAME_RULE = "is 1 to 63 letters, digits, `.`, `_` or `-`";

export function checkStores(config: Config, report: Report): void {
  for (const name of Object.keys(config.stores)) {
    if (!NAME.test(name)) report(["stores", name], `a store's name ${NAME_RULE}`);
  }
}

export function checkTargets(config: Config, names: Names, report: Report): void {
  for (const [name, target] of Object.entries(config.targets)) {
    if (!NAME.test(name)) report(["targets", name], `a target's name ${NAME_RULE}`);
    if (name.startsWith("apikey_")) report(["targets", name], "a target's name must not look like a key id (apikey_…)");
    for (const [index, each] of target.destinations.entries()) {
      checkDestination(config, names, ["targets", name, "destinations", index], each, report);
    }
  }
  for (const { at, message } of findOverlaps(config)) report(at, message);
}

export function checkRules(config: Config, names: Names, report: Report): void {
  for (const [index, { match, destinations }] of config.rules.entries()) {
    if (match.name === undefined && match.workspace === undefined) {
      report(["rules", index, "match"], 'needs a `name` or a `workspace`; `name: "*"` matches every key');
    }
    for (const [place, each] of destinations.entries()) {
      const at = ["rules", index, "destinations", place];
      checkDestination(config, names, at, each, report);
      const wrong = [...each.secret.matchAll(/\{([^}]*)\}/g)].find(([, inner]) => inner !== "name");
      if (wrong !== undefined) report([...at, "secret"], `${wrong[0]} is not known here; only {name} is replaced`);
    }
  }
}

export function checkHolds(config: Config, { targets }: Names, report: Report): void {
  for (const [index, hold] of config.holds.entries()) {
    if (/^apikey_[A-Za-z0-9_-]+$/.test(hold) || targets.includes(hold) || hold.startsWith("rule:")) continue;
    report(["holds", index], `${hold} is neither a key id (apikey_…) nor a target${didYouMean(hold, targets)}`);
  }
}

function checkDestination(
  config: Config,
  { stores }: Names,
  at: Path,
  { store, field }: { store: string; field?: string | undefined },
  report: Report,
): void {
  if (!stores.includes(store)) {
    const list = stores.length === 0 ? "; `stores` is empty" : `; stores: ${stores.join(", ")}`;
    report([...at, "store"], `${store} is not a store under \`stores\`${didYouMean(store, stores) || list}`);
  }
  if (config.stores[store]?.type === "dotenv-file" && field !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(field)) {
    report([...at, "field"], "must be the name of a variable such as ANTHROPIC_API_KEY");
  }
}
