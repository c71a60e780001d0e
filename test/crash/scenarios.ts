import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { advance } from "../../src/app/advance.ts";
import { commitAmend } from "../../src/app/commit.ts";
import { cancel } from "../../src/app/decisions.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import { revoke } from "../../src/app/revoke.ts";
import type { App } from "../../src/compose.ts";
import type { State } from "../../src/rotation/states.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { watched } from "./kill-points.ts";
import { type Site, type SiteOptions, accepted, ana, approved, makeReplacement, stepsTo } from "./site.ts";

/** How a scenario ends, however often its workers died on the way. */
export interface Ending {
  state: State;
  /** What both files hold. */
  value: "outgoing" | "replacement";
  /** Status changes of the outgoing key that the organization carried out. */
  calls: readonly string[];
  /** A call that was carried out already may have been sent again, to no effect. */
  mayRepeat?: boolean;
  replacementCalls?: readonly string[];
  replacement?: "none";
  attention?: string;
}

export interface Scenario {
  name: string;
  options?: SiteOptions;
  /** Brings a new rotation to where the workers take over; nobody works on it yet. */
  prepare(site: Site, app: App): Promise<{ id: string; replacementId: string | null }>;
  /** States whose writing calls are places to die; those of other states belong to another scenario. */
  places: (state: string) => boolean;
  /** Whether the value in the files is valid all the time: always, but for a revocation (P1). */
  answers: boolean;
  ending: Ending;
}

const LONG = { policy: { gracePeriod: "1h" } };

/** One destination is promoted, the other's store does not answer. */
async function halfPromoted(site: Site, app: App): Promise<{ id: string; replacementId: string }> {
  const { id, replacement } = await accepted(site, app);
  const deps = watched(app.deps, {
    before: (call) => {
      if (call.name === "promoting/store.promote" && call.count === 2)
        throw new KeyturnError("STORE_UNAVAILABLE", "(as ordered)");
    },
    after: () => undefined,
  });
  await stepsTo(app, id, "promoting", deps);
  await advance(id, deps);
  const half = await app.deps.rotations.load(id);
  if (half?.progress.filter((p) => p.promotedAt !== null).length !== 1) throw new Error("not half promoted");
  return { id, replacementId: replacement.key.id };
}

/** As a manager carries it out that was asked before the rotation turned back; the look after it is due. */
async function lateWrite(app: App, id: string, secret: string): Promise<void> {
  const record = await app.deps.rotations.load(id);
  const dest = record?.plan.destinations[1];
  if (record === null || dest === undefined || !record.cleanedUp) throw new Error("not over");
  const store = await app.deps.stores.of(dest);
  const { baseVersion } = await store.stage(dest, SecretText.from(secret), id);
  await store.promote(dest, id, baseVersion);
  await commitAmend(app.deps, record, { wakeAt: app.deps.clock.now() }, null);
}

const toGrace = async (site: Site, app: App) => {
  const { id, replacement } = await accepted(site, app);
  await stepsTo(app, id, "grace_period");
  return { id, replacementId: replacement.key.id };
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "from accepted to completed",
    prepare: async (site, app) => {
      const { id, replacement } = await accepted(site, app);
      return { id, replacementId: replacement.key.id };
    },
    places: () => true,
    answers: true,
    ending: { state: "completed", value: "replacement", calls: ["inactive", "archived"] },
  },
  {
    name: "a value staged by hand is adopted",
    options: LONG,
    prepare: async (site, app) => {
      const { id } = await approved(app);
      const { key, secret } = await makeReplacement(site);
      const pending = join(site.dir, ".eu.env.keyturn-pending");
      await writeFile(pending, `ANTHROPIC_API_KEY=${secret}\n`, { mode: 0o600 });
      // File times are taken from a clock that lags some milliseconds behind, which no person would beat.
      await utimes(pending, new Date(), new Date());
      return { id, replacementId: key.id };
    },
    places: (state) => state === "awaiting_replacement" || state === "verifying",
    answers: true,
    ending: { state: "grace_period", value: "replacement", calls: ["inactive"] },
  },
  {
    name: "cancelled half promoted",
    prepare: async (site, app) => {
      const half = await halfPromoted(site, app);
      await cancel(app.deps, half.id, ana, null);
      return half;
    },
    places: (state) => state === "rolling_back" || state === "cancelled",
    answers: true,
    ending: { state: "cancelled", value: "outgoing", calls: [] },
  },
  {
    name: "a write that came after the end is taken back",
    prepare: async (site, app) => {
      const { id, replacement } = await accepted(site, app);
      await stepsTo(app, id, "promoting");
      await cancel(app.deps, id, ana, null);
      await stepsTo(app, id, "cancelled");
      await advance(id, app.deps);
      await lateWrite(app, id, replacement.secret);
      return { id, replacementId: replacement.key.id };
    },
    places: (state) => state === "cancelled",
    answers: true,
    ending: { state: "cancelled", value: "outgoing", calls: [] },
  },
  {
    name: "the replacement is revoked after promotion",
    prepare: async (site, app) => {
      const { id, replacement } = await accepted(site, app);
      await stepsTo(app, id, "propagating");
      site.ground.mayChange.add(replacement.key.id);
      await revoke(app.deps, replacement.key.id, ana, { unmanaged: false });
      return { id, replacementId: replacement.key.id };
    },
    places: (state) => state === "rolling_back" || state === "rolled_back",
    answers: true,
    ending: { state: "rolled_back", value: "outgoing", calls: [], replacementCalls: ["inactive"] },
  },
  {
    name: "reinstated in the grace period",
    options: LONG,
    prepare: async (site, app) => {
      const there = await toGrace(site, app);
      await reinstate(app.deps, there.id, ana);
      return there;
    },
    places: (state) => state === "reinstating" || state === "reinstated",
    answers: true,
    ending: { state: "reinstated", value: "replacement", calls: ["inactive", "active"] },
  },
  {
    name: "a delayed deactivation after a reinstatement is undone",
    options: LONG,
    prepare: async (site, app) => {
      const there = await toGrace(site, app);
      await reinstate(app.deps, there.id, ana);
      await stepsTo(app, there.id, "reinstated");
      await site.ground.console.disableKey(site.outgoing.key.id);
      return there;
    },
    places: (state) => state === "reinstated",
    answers: true,
    ending: { state: "reinstated", value: "replacement", calls: ["inactive", "active", "active"] },
  },
  {
    name: "revoked before there is a replacement",
    prepare: async (_site, app) => {
      const { id } = await approved(app);
      await revoke(app.deps, "billing", ana, { unmanaged: false });
      return { id, replacementId: null };
    },
    places: (state) => state === "revoking" || state === "awaiting_replacement",
    answers: false,
    ending: { state: "awaiting_replacement", value: "outgoing", calls: ["inactive"], replacement: "none" },
  },
  {
    name: "P1 is lost and comes back",
    options: LONG,
    prepare: async (site, app) => {
      // Another program of the company has a copy of the outgoing key, until somebody mends it.
      const { id, replacement } = await accepted(site, app);
      await stepsTo(app, id, "draining");
      await writeFile(join(site.dir, "other.env"), `ANTHROPIC_API_KEY=${site.outgoing.secret}\n`, { mode: 0o600 });
      const stores = app.deps.settings.targets[0]?.destinations[0];
      if (stores === undefined) throw new Error("no destination");
      const policy = app.deps.settings.targets[0]?.policy;
      if (policy === undefined) throw new Error("no policy");
      const other = { name: "other", destinations: [{ ...stores, secret: "other.env" }], policy, keyId: null };
      const deps = { ...app.deps, settings: { ...app.deps.settings, targets: [...app.deps.settings.targets, other] } };
      await stepsTo(app, id, "deactivating", deps);
      await stepsTo(app, id, "draining", deps);
      return { id, replacementId: replacement.key.id };
    },
    places: (state) => state === "draining",
    answers: true,
    ending: { state: "grace_period", value: "replacement", calls: ["inactive"] },
  },
];
