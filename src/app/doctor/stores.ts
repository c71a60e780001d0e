import { asKeyturnError } from "../../rotation/errors.ts";
import { physicalIdOf } from "../../rotation/locks.ts";
import type { Destination } from "../../rotation/record.ts";
import { nameOf, tryDestination } from "./destination.ts";
import { type Check, type Finding, fail, pass, trouble, warn } from "./finding.ts";
import { filesElsewhere } from "./replicas.ts";
import { CHECK_MS, LATE, within } from "./run-checks.ts";
import type { Surroundings } from "./surroundings.ts";

/** Destinations of a store that have a line of their own. */
const MOST = 20;
const AT_ONCE = 8;
/** After so many without an answer the others of the store are not asked. */
const GIVES_UP = 3;
/** One store may take so long in all, in milliseconds: what was not tried until then is said. */
const STORE_MS = 60_000;

type Part = Pick<Surroundings, "stores" | "settings" | "clock" | "configuration" | "redis" | "oneHost">;

/** One check per configured store: opens it and tries every destination of the targets. */
export function storeChecks(s: Part): Check[] {
  return s.configuration.stores.map((store) => ({
    name: `store ${store}`,
    withinMs: STORE_MS + 2 * CHECK_MS,
    run: () => checkStore(s, store),
  }));
}

async function checkStore(s: Part, store: string): Promise<Finding[]> {
  const name = `store ${store}`;
  const elsewhere = s.oneHost.stores.includes(store) ? await filesElsewhere(s) : null;
  if (elsewhere !== null)
    return [
      warn(
        name,
        `its files belong to host ${elsewhere}, where Keyturn is at work; from here (${s.oneHost.host}) nothing was tried`,
        "Run `keyturn doctor` on that host (in Kubernetes: kubectl exec into its pod).",
      ),
    ];
  const isHere = (dest: Destination) => dest.store === store;
  const found = s.settings.targets.flatMap((target) => target.destinations.filter(isHere));
  if (found.length > 0) return report(name, found.length, await tryAll(s, found));
  const ofRule = s.settings.rules.flatMap((rule) => rule.destinations).find(isHere);
  if (ofRule === undefined)
    return [warn(name, "no target and no rule uses it", "Remove it, or name it in a destination.")];
  await s.stores.of(ofRule);
  return [
    pass(name, "opens; only rules use it, and their destinations are read by each scan: `keyturn scan --dry-run`"),
  ];
}

/** Destinations in one secret are tried one after the other, since their preflights touch the same marks. */
async function tryAll(s: Part, found: readonly Destination[]): Promise<Finding[]> {
  const groups = [...Map.groupBy(found, physicalIdOf).values()];
  const lines: Finding[] = [];
  const until = s.clock.now() + STORE_MS;
  let silent = 0;
  const worker = async () => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      for (const dest of group) {
        if (silent >= GIVES_UP || s.clock.now() > until) return;
        const { line, answered } = await tryOne(s, dest);
        if (!answered) silent += 1;
        lines.push(line);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return lines;
}

async function tryOne(s: Part, dest: Destination): Promise<{ line: Finding; answered: boolean }> {
  const trying = s.stores.of(dest).then((store) => tryDestination(store, dest, s.settings.install));
  try {
    const line = await within(CHECK_MS, s.clock, trying);
    if (line !== LATE) return { line, answered: true };
    const late = `no answer within ${CHECK_MS / 1000} s`;
    return { line: fail(nameOf(dest), late, "Check the manager's status and the network."), answered: false };
  } catch (error) {
    return { line: trouble(nameOf(dest), error), answered: asKeyturnError(error).code !== "STORE_UNAVAILABLE" };
  }
}

/** The store's own line, then what is wrong, then what is right as far as there is room. */
function report(name: string, total: number, lines: readonly Finding[]): Finding[] {
  const bad = lines.filter((line) => line.level !== "pass");
  const failed = bad.filter((line) => line.level === "fail").length;
  const untried = total - lines.length;
  const shown = [...bad, ...lines.filter((line) => line.level === "pass")].slice(0, MOST);
  const hidden = lines.length - shown.length;
  const notes = [
    ...(untried > 0 ? [`${untried} not tried`] : []),
    ...(hidden > 0 ? [`${hidden} more have no line of their own`] : []),
  ];
  const message = `${total - failed - untried} of ${total} destinations can be read, marked and staged to${notes.length > 0 ? `; ${notes.join(", ")}` : ""}`;
  const first = bad.length > MOST ? "Repair those shown, then run this again." : "See the destinations below.";
  const own =
    failed > 0
      ? fail(name, message, first)
      : untried > 0
        ? warn(name, message, "Run this again; `keyturn scan --dry-run` reads all of them.")
        : pass(name, message);
  return [own, ...shown];
}
