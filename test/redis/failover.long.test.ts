import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Installation, POLICY, installAt } from "../e2e/installation.ts";
import { type Topology, startCluster, startSentinel } from "../support/redis-topology.ts";
import { type Serving, startServing } from "../support/serving.ts";

type Trouble = "failover" | "freezeMaster" | "killMaster";

/** What a person or the sandbox holds up, so that the master fails while the rotation stands exactly there. */
interface Moment {
  state: string;
  how: Trouble;
  /** Requests that wait while the master fails. */
  gate?: { method?: string; path: string };
}
const KEY_CHANGE = { method: "POST", path: "^/v1/organizations/api_keys/" };
const SENTINEL_MOMENTS: Moment[] = [
  { state: "awaiting_approval", how: "killMaster" },
  { state: "awaiting_replacement", how: "freezeMaster" },
  { state: "verifying", how: "failover", gate: { path: "^/v1/messages" } },
  { state: "verifying", how: "killMaster", gate: { path: "^/v1/messages" } },
  { state: "submitted", how: "freezeMaster" },
  { state: "deactivating", how: "failover", gate: KEY_CHANGE },
  { state: "deactivating", how: "killMaster", gate: KEY_CHANGE },
  { state: "grace_period", how: "killMaster" },
  { state: "archiving", how: "killMaster", gate: KEY_CHANGE },
];
const CLUSTER_MOMENTS: Moment[] = [
  { state: "awaiting_replacement", how: "killMaster" },
  { state: "verifying", how: "freezeMaster", gate: { path: "^/v1/messages" } },
  { state: "deactivating", how: "killMaster", gate: KEY_CHANGE },
  { state: "grace_period", how: "failover" },
  { state: "archiving", how: "killMaster", gate: KEY_CHANGE },
];

const GRACE_MS = 8_000;
/** Where the test has to do something within the grace period: each of its looks is a process of its own. */
const LONG_GRACE_MS = 30_000;
const WITHIN_GRACE: readonly string[] = ["grace_period", "archiving"];
/** On a machine that others load as well. */
const TEST_MS = 600_000;

describe.each([
  { name: "Redis Sentinel", start: startSentinel, moments: SENTINEL_MOMENTS },
  { name: "Redis Cluster", start: startCluster, moments: CLUSTER_MOMENTS },
])("a whole rotation on $name, with two of `serve`", ({ start, moments }) => {
  let redis: Topology;
  let at: Installation;
  let servers: Serving[] = [];
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.untilWhole();
    await redis.flush();
  });
  afterEach(async () => {
    for (const server of servers) server.process.kill("SIGKILL");
    await Promise.all(servers.map((server) => server.ended));
    await at.close();
  });

  async function startUp(gracePeriodMs: number): Promise<void> {
    at = await installAt("", {
      redis: redis.config,
      policy: { ...POLICY, gracePeriod: `${gracePeriodMs}ms` },
      http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    });
    await at.target("billing", 100);
    servers = await Promise.all([startServing(at.configFile), startServing(at.configFile)]);
  }

  /** Once more while Redis changes hands: a person at a terminal does the same. */
  async function persistently<T>(work: () => Promise<T>): Promise<T> {
    for (const end = Date.now() + 60_000; ; await pause(300)) {
      try {
        return await work();
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }
  const state = async () => (await at.shown(0, "show", "billing")).state;
  const untilState = async (wanted: string, timeout = 90_000) =>
    await expect.poll(() => state().catch(() => "unknown"), { timeout, interval: 100 }).toBe(wanted);
  const strike = async (how: Trouble) => {
    const result = await redis[how]();
    if (result === undefined) return;
    result.thaw();
    if (!result.running()) await result.start();
  };

  it.each(moments)(
    "$how while it is $state: it ends right, and nothing is done twice",
    { timeout: TEST_MS },
    async (moment) => {
      const inGrace = WITHIN_GRACE.includes(moment.state);
      await startUp(inGrace ? LONG_GRACE_MS : GRACE_MS);
      const gated = async (when: string) =>
        moment.state === when && moment.gate !== undefined
          ? at.console.addFault({ match: moment.gate, times: null, fault: { kind: "gate", when: "before" } })
          : null;
      const strikeAtGate = async (gate: string | null) => {
        if (gate === null) return;
        await at.console.untilFaultHits(gate, 1, 60_000);
        await strike(moment.how);
        await at.console.removeFault(gate);
      };
      await untilState("awaiting_approval");
      if (moment.state === "awaiting_approval") await strike(moment.how);
      await persistently(async () => expect([0, 75]).toContain((await at.run("approve", "billing")).code));
      await untilState("awaiting_replacement");
      if (moment.state === "awaiting_replacement") await strike(moment.how);

      const verifying = await gated("verifying");
      const deactivating = await gated("deactivating");
      const made = await at.console.createKey({ name: "replacement" });
      const handedOver = persistently(async () =>
        expect((await at.submit("billing", made.secret)).code, "submit").toBe(0),
      );
      if (moment.state === "submitted") await strike(moment.how);
      await handedOver;
      await strikeAtGate(verifying);
      await strikeAtGate(deactivating);
      if (inGrace) await untilState("grace_period");
      const archiving = await gated("archiving");
      if (moment.state === "grace_period") await strike(moment.how);
      await strikeAtGate(archiving);
      // A frozen master confirms what waited for it when it is thawed, and is then demoted: a whole life may be lost that was
      // carried out. `serve` notices, and scans to rebuild it (R16, P8).
      await untilState("completed", 240_000);

      expect(await at.value("billing")).toBe(made.secret);
      expect(await at.status(made.key.id)).toBe("active");
      const changes = (await at.console.requests()).filter((r) => r.method === "POST" && r.path.includes("/api_keys/"));
      expect(changes.filter((r) => r.applied).map((r) => r.bodyStatus)).toEqual(["inactive", "archived"]);
      expect((await at.run("audit", "verify")).code).toBe(0);
      for (const server of servers) {
        await expect.poll(() => server.get("/readyz"), { timeout: 60_000, interval: 200 }).toBe(200);
        expect(await server.get("/livez")).toBe(200);
      }
      const ends = await Promise.all(servers.map((server) => server.stop()));
      expect(ends.map((end) => end.code)).toEqual([0, 0]);
    },
  );
});
