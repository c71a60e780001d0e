import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedisLeases } from "../../src/redis/leases.ts";
import { type Server, jsServer } from "./harness.ts";

describe("leases", () => {
  let server: Server;
  beforeAll(async () => {
    server = await jsServer();
  });
  afterAll(() => server.stop());
  const leases = () => createRedisLeases({ redis: server.connect(), install: "kt" });

  it("R23: one process has it, the other is refused, until it is released", async () => {
    const [one, two] = [leases(), leases()];
    const lease = await one.acquire("scan", 60_000);
    await expect(two.acquire("scan", 60_000)).rejects.toMatchObject({
      code: "LOCK_HELD",
      message: expect.stringContaining("scan") as string,
    });
    await lease.renew();
    await lease.release();
    await (await two.acquire("scan", 60_000)).release();
  });

  it("of many at once one gets it", async () => {
    const tries = await Promise.allSettled(
      [leases(), leases(), leases(), leases()].map((one) => one.acquire("many", 60_000)),
    );
    expect(tries.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  it("a lease that ran out cannot be renewed, and releasing it leaves the next owner's alone", async () => {
    const redis = server.connect();
    const late = await leases().acquire("short", 60_000);
    await redis.del("{kt}:lease:short"); // its time is over
    const next = await leases().acquire("short", 60_000);
    await expect(late.renew()).rejects.toMatchObject({ code: "LOCK_HELD" });
    await late.release();
    await next.renew();
    expect(await redis.pttl("{kt}:lease:short")).toBeGreaterThan(50_000);
  });
});
