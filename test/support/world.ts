import { advance } from "../../src/app/advance.ts";
import type { Deps } from "../../src/app/deps.ts";
import type { RuleSetting, Settings, TargetSetting } from "../../src/ports/settings.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import type { Destination, Rotation } from "../../src/rotation/record.ts";
import { MemoryAudit } from "./doubles/memory-audit.ts";
import { memoryLinks } from "./doubles/memory-links.ts";
import { MemoryRedis } from "./doubles/memory-redis.ts";
import { MemoryStore } from "./doubles/memory-store.ts";
import { Organization, type TestKey } from "./doubles/organization.ts";
import type { Writes } from "./doubles/writes.ts";
import { type LogLine, listeningLog } from "./quiet-log.ts";
import { NOON, aDestination } from "./records.ts";
import { aTarget, someSettings } from "./settings.ts";
import { type TurnedClock, turnedClock } from "./turned-clock.ts";

/** A whole installation in memory: every port a double that keeps to its contract, so that use cases run in milliseconds. */
export interface World {
  deps: Deps;
  settings: Settings;
  clock: TurnedClock;
  org: Organization;
  /** The store named `files`, where `setTarget` puts values. */
  store: MemoryStore;
  stores: Map<string, MemoryStore>;
  redis: MemoryRedis;
  audit: MemoryAudit;
  /** Everything written outside, in order. */
  writes: Writes;
  log: { lines: LogLine[] };
  woken: string[];
  /** Configures a target and puts the key into all its destinations. */
  setTarget(name: string, key: TestKey | null, more?: Partial<TargetSetting>): TargetSetting;
  addRule(rule: RuleSetting): void;
  put(dest: Destination, text: string): void;
  value(dest: Destination): string | null;
  marks(secret: string): Record<string, string>;
  rotation(id: string): Promise<Rotation>;
  /** All rotations that are not final, oldest first. */
  open(): Promise<Rotation[]>;
  /** Takes every rotation as far as it goes without time passing. */
  work(): Promise<void>;
}

export function makeWorld(given: { settings?: Partial<Settings> } = {}): World {
  const clock = turnedClock(NOON);
  const now = () => clock.now();
  const writes: Writes = [];
  const settings = someSettings({ targets: [], ...given.settings });
  const audit = new MemoryAudit({ install: settings.install, writes });
  const redis = new MemoryRedis({ now, writes, audit: audit.link });
  const org = new Organization({ now, writes });
  const store = new MemoryStore({ writes, now });
  const stores = new Map([["files", store]]);
  const log = listeningLog();
  const woken: string[] = [];
  let ids = 0;
  const storeOf = (dest: Destination): MemoryStore => {
    const found = stores.get(dest.store);
    if (found === undefined) throw new KeyturnError("CONFIG_INVALID", `There is no store ${dest.store}.`);
    return found;
  };
  const deps: Deps = {
    clock,
    settings,
    admin: org.admin,
    budget: { take: async () => undefined, pause: () => undefined },
    verifier: org.verifier,
    stores: { of: async (dest) => storeOf(dest), close: async () => undefined },
    rotations: redis.rotations,
    audit,
    wakeups: { wake: async (id) => void woken.push(id) },
    leases: redis.leases,
    holds: redis.holds,
    registry: { announce: async () => undefined, isNewest: async () => true, holds: async () => [] },
    scanLog: redis.scanLog,
    notifier: { changed: async () => undefined },
    directory: null,
    links: memoryLinks(),
    log,
    newId: () => `rot_${String(++ids).padStart(4, "0")}`,
  };
  const put = (dest: Destination, text: string) => {
    const at = storeOf(dest);
    at.put(dest.secret, { ...at.secrets.get(dest.secret)?.document, [dest.field ?? "value"]: text });
  };
  const open = async () => {
    const all = await Promise.all((await redis.rotations.openIds()).map((id) => redis.rotations.load(id)));
    return all.filter((r) => r !== null);
  };
  return {
    deps,
    settings,
    clock,
    org,
    store,
    stores,
    redis,
    audit,
    writes,
    log,
    woken,
    setTarget: (name, key, more = {}) => {
      const target = aTarget(name, more);
      settings.targets.push(target);
      if (key !== null) for (const dest of target.destinations) put(dest, key.text);
      return target;
    },
    addRule: (rule) => void settings.rules.push(rule),
    put,
    value: (dest) => storeOf(dest).secrets.get(dest.secret)?.document[dest.field ?? "value"] ?? null,
    marks: (secret) => store.secrets.get(secret)?.marks ?? {},
    rotation: async (id) => {
      const found = await redis.rotations.load(id);
      if (found === null) throw new Error(`there is no rotation ${id}`);
      return found;
    },
    open,
    work: async () => {
      const seen = new Set<string>();
      for (let round = 0; round < 60; round++) {
        const due = await redis.rotations.due(clock.now(), 100);
        const fresh = due.filter((row) => !seen.has(`${row.id}@${row.revision}`));
        if (fresh.length === 0) return;
        for (const row of fresh) {
          seen.add(`${row.id}@${row.revision}`);
          await advance(row.id, deps);
        }
      }
      throw new Error("the rotations do not come to rest");
    },
  };
}

export { aDestination };
