import { setTimeout as sleep } from "node:timers/promises";
import type { FaultRuleInput } from "../../src/sandbox/fault-schema.ts";
import type { Random } from "./random.ts";
import type { Replica } from "./replica.ts";
import type { Site } from "./site.ts";

/** Something that happens to the installation; resolves when it is over. null: it could not happen now. */
interface FaultKind {
  name: string;
  weight: number;
  happen(site: Site, random: Random): Promise<Record<string, unknown> | null>;
}

const ADMIN = "^/v1/organizations/";
const KEY = "^/v1/organizations/api_keys/.";
const LIVE = "^/v1/(models|messages)";

/** One replica that is up, while another one is up as well. */
const oneOf = (site: Site, random: Random): Replica | null => {
  const up = site.replicas.filter((replica) => replica.isUp());
  return up.length < 2 ? null : random.pick(up);
};

function onReplica(
  name: string,
  weight: number,
  act: (replica: Replica, random: Random) => Promise<Record<string, unknown>>,
): FaultKind {
  return {
    name,
    weight,
    happen: async (site, random) => {
      const replica = oneOf(site, random);
      return replica === null ? null : { replica: replica.name, ...(await act(replica, random)) };
    },
  };
}

const frozen = (name: string, weight: number, low: number, high: number): FaultKind =>
  onReplica(name, weight, async (replica, random) => {
    const forMs = random.int(low, high);
    replica.freeze();
    await sleep(forMs);
    replica.thaw();
    return { forMs };
  });

/** A rule of the organization's, armed for some requests or until nobody meets it any more. */
const atTheApi = (name: string, weight: number, rule: (random: Random) => FaultRuleInput): FaultKind => ({
  name,
  weight,
  happen: async (site, random) => {
    const made = rule(random);
    const id = await site.console.addFault(made);
    await sleep(random.int(3000, 12_000));
    const hits = (await site.console.faults()).find((armed) => armed.id === id)?.hits ?? 0;
    await site.console.removeFault(id);
    return { hits };
  },
});

const atTheStore = (store: string, kind: string): FaultKind => ({
  name: `${store}.${kind}`,
  weight: 2,
  happen: async (site, random) => {
    const percent = random.int(10, 60);
    const forMs = random.int(1000, 8000);
    site.places[store]?.fault(kind, percent);
    await sleep(forMs);
    site.places[store]?.fault(null, 0);
    return { percent, forMs };
  },
});

/** How long each of them stays away is drawn when it happens, from the same stream. */
export const faultKinds = (site: Site): FaultKind[] => [
  onReplica("replica.killed", 12, async (replica, random) => {
    await replica.kill();
    const awayMs = random.int(0, 4000);
    await sleep(awayMs);
    await replica.start();
    return { awayMs };
  }),
  onReplica("replica.terminated", 6, async (replica) => {
    const code = await replica.terminate();
    await replica.start();
    return { code };
  }),
  frozen("replica.frozen", 8, 500, 6000),
  // Longer than the ten seconds between a look and a call (R9).
  frozen("replica.frozen_long", 4, 10_500, 20_000),
  // Longer than the lock on a job.
  frozen("replica.frozen_past_lock", 2, 32_000, 42_000),
  atTheApi("admin.rate_limit", 5, (random) => ({
    match: { path: ADMIN },
    times: random.int(1, 15),
    fault: { kind: "rate_limit", retryAfter: random.int(1, 3) },
  })),
  atTheApi("admin.overloaded", 5, (random) => ({
    match: { path: ADMIN },
    times: random.int(1, 15),
    fault: { kind: "overloaded" },
  })),
  atTheApi("admin.5xx", 5, (random) => ({
    match: { path: ADMIN },
    times: random.int(1, 15),
    fault: { kind: "status", status: random.pick([500, 502, 503, 504]) },
  })),
  atTheApi("admin.hang", 3, (random) => ({ match: { path: ADMIN }, times: random.int(1, 4), fault: { kind: "hang" } })),
  atTheApi("admin.reset", 4, (random) => ({
    match: { path: ADMIN },
    times: random.int(1, 8),
    fault: { kind: "reset" },
  })),
  atTheApi("admin.success_then_timeout", 6, (random) => ({
    match: { method: "POST", path: KEY },
    times: random.int(1, 3),
    fault: { kind: "success_then_timeout" },
  })),
  atTheApi("admin.success_then_hang", 4, (random) => ({
    match: { method: "POST", path: KEY },
    times: random.int(1, 2),
    fault: { kind: "success_then_hang" },
  })),
  atTheApi("admin.slow", 4, (random) => ({
    match: { method: "POST", path: KEY },
    times: random.int(1, 4),
    fault: { kind: "delay", ms: random.int(500, 9000), when: random.pick(["before", "after"]) },
  })),
  atTheApi("admin.proxy_page", 2, (random) => ({
    match: { path: ADMIN },
    times: random.int(1, 4),
    fault: { kind: "html", status: random.pick([200, 403, 502]) },
  })),
  atTheApi("live.rate_limit", 3, (random) => ({
    match: { path: LIVE },
    times: random.int(5, 40),
    fault: { kind: "rate_limit", retryAfter: random.int(1, 3) },
  })),
  atTheApi("live.overloaded", 3, (random) => ({
    match: { path: LIVE },
    times: random.int(5, 40),
    fault: { kind: "overloaded" },
  })),
  atTheApi("live.reset", 3, (random) => ({
    match: { path: LIVE },
    times: random.int(5, 30),
    fault: { kind: "reset" },
  })),
  ...Object.entries(site.places).flatMap(([store, place]) => place.faults.map((kind) => atTheStore(store, kind))),
  {
    name: "slack.restarted",
    weight: 5,
    happen: ({ slackPlug }, random) =>
      onlyOne("slack", async () => {
        const awayMs = random.int(500, 8000);
        await slackPlug.cut();
        await sleep(awayMs);
        await slackPlug.mend();
        return { awayMs };
      }),
  },
  ...Object.entries(site.redis.faults).map(([name, happen]) => ({
    name,
    weight: 4,
    happen: async (_site: Site, random: Random) =>
      onlyOne(name.startsWith("redis.") ? "redis" : name, () => happen(random)),
  })),
];

const busy = new Set<string>();
/** Two failovers at once are no failover. */
async function onlyOne<T>(what: string, work: () => Promise<T>): Promise<T | null> {
  if (busy.has(what)) return null;
  busy.add(what);
  try {
    return await work();
  } finally {
    busy.delete(what);
  }
}

export interface Faults {
  /** Resolves when all that began is over. */
  stop(): Promise<void>;
  /** How often each kind happened. */
  happened: Record<string, number>;
}

/** Faults at random, one begun every so often, at most `atOnce` at a time. */
export function startFaults(site: Site, random: Random, { everyMs = 2500, atOnce = 4 } = {}): Faults {
  const stopping = new AbortController();
  const kinds = faultKinds(site);
  const happened: Record<string, number> = {};
  const running = new Set<Promise<void>>();
  const begin = async (kind: FaultKind, chance: Random): Promise<void> => {
    const from = Date.now();
    try {
      const facts = await kind.happen(site, chance);
      if (facts === null) return;
      happened[kind.name] = (happened[kind.name] ?? 0) + 1;
      site.timeline.note(`fault.${kind.name}`, { from, ...facts });
    } catch (error) {
      site.timeline.note("fault.defect", { from, fault: kind.name, what: String(error) });
    }
  };
  const loop = (async () => {
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      await sleep(random.int(everyMs / 2, everyMs * 1.5), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
      const kind = random.weighted(kinds);
      if (stopping.signal.aborted || running.size >= atOnce) continue;
      const one = begin(kind, random.stream(String(n)));
      running.add(one);
      void one.finally(() => running.delete(one));
    }
  })();
  return {
    happened,
    stop: async () => {
      stopping.abort();
      await loop;
      await Promise.all(running);
    },
  };
}
