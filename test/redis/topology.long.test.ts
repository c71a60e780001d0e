import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Topology, startCluster, startSentinel } from "../support/redis-topology.ts";

describe.each([
  { name: "Sentinel", start: startSentinel },
  { name: "Cluster", start: startCluster },
])("the test servers as $name", ({ start }) => {
  let at: Topology;
  beforeAll(async () => {
    at = await start();
  });
  afterAll(() => at.stop());
  afterEach(() => at.untilWhole());

  it.each(["failover", "freezeMaster", "killMaster"] as const)("%s: another is master, with all data", async (how) => {
    const client = at.connect();
    await client.set("{keyturn}:x", how);
    const before = await at.master();
    await at.untilWhole();
    await at[how]();
    expect((await at.master()).port).not.toBe(before.port);
    if (!before.running()) await before.start();
    before.thaw();
    expect(await client.get("{keyturn}:x")).toBe(how);
  });
});
