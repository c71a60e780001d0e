import type { Deps } from "../../src/app/deps.ts";
import { EFFECTS } from "../../src/app/effects/index.ts";
import type { Effect } from "../../src/rotation/decide.ts";
import type { Destination } from "../../src/rotation/record.ts";

/** Methods that only look. Every other method of a port is a place where a crash leaves something half done. */
const READS = {
  rotations: ["load", "openIds", "all", "idsStartingWith", "holderOf", "aftermathOf", "due", "serverTime"],
  audit: ["verify", "entries", "lastKnown", "head", "unshipped", "close"],
  wakeups: ["backlog", "counts", "close"],
  leases: [],
  holds: ["list"],
  registry: ["isNewest", "holds"],
  scanLog: ["lastSuccess", "statuses", "seenFingerprints", "report"],
  notifier: [],
  admin: ["organization", "listKeys", "getKey", "usage"],
  verifier: [],
  store: ["physicalId", "read", "readPending", "listPending", "readMarks", "preflight", "close"],
} satisfies Partial<Record<keyof Deps | "store", readonly string[]>>;
type Port = Exclude<keyof typeof READS, "store">;
const PORTS: readonly Port[] = [
  "rotations",
  "audit",
  "wakeups",
  "leases",
  "holds",
  "registry",
  "scanLog",
  "notifier",
  "admin",
  "verifier",
];

/** One call of a worker: `promoting/store.promote#2` is the second of its name in this process. */
export interface Call {
  name: string;
  count: number;
  effect: Effect | null;
}
export interface Watcher {
  before(call: Call): void | Promise<void>;
  after(call: Call): void | Promise<void>;
}

let runningEffect: Effect | null = null;

/** Notes which effect is running; once per process. */
export function watchEffects(): void {
  for (const name of Object.keys(EFFECTS) as Effect[]) {
    const run = EFFECTS[name];
    EFFECTS[name] = async (deps, record) => {
      runningEffect = name;
      return run(deps, record).finally(() => (runningEffect = null));
    };
  }
}

type Method = (...args: unknown[]) => unknown;

/**
 * The dependencies with every writing call announced before and after. Nothing in the program knows of it: ports are
 * wrapped from outside, and the list of effects notes which of them is running.
 */
export function watched(deps: Deps, watcher: Watcher): Deps {
  const counts = new Map<string, number>();
  let state = "start";
  const wrap = <T extends object>(port: keyof typeof READS, target: T): T =>
    new Proxy(target, {
      get(owner, property, receiver) {
        const found: unknown = Reflect.get(owner, property, receiver);
        if (typeof property !== "string" || typeof found !== "function") return found;
        if (port === "rotations" && property === "load") {
          return async (id: string) => {
            const record = await (owner as Deps["rotations"]).load(id);
            state = record?.state ?? state;
            return record;
          };
        }
        const method = found as Method;
        if ((READS[port] as readonly string[]).includes(property)) return method.bind(owner);
        return async (...args: unknown[]) => {
          const name = `${state}/${port}.${property}`;
          const call: Call = { name, count: (counts.get(name) ?? 0) + 1, effect: runningEffect };
          counts.set(name, call.count);
          await watcher.before(call);
          const result: unknown = await method.apply(owner, args);
          await watcher.after(call);
          // A lease is given back by a method of its own.
          return port === "leases" && property === "acquire" ? wrap("leases", result as object) : result;
        };
      },
    });
  const wrapped = { ...deps };
  for (const port of PORTS) Object.assign(wrapped, { [port]: wrap(port, deps[port]) });
  const real = deps.stores;
  const stores = new Map<object, object>();
  wrapped.stores = {
    of: async (dest: Destination) => {
      const store = await real.of(dest);
      const known = stores.get(store) ?? wrap("store", store);
      stores.set(store, known);
      return known as typeof store;
    },
    close: () => real.close(),
  };
  return wrapped;
}
