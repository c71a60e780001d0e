import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AdminBudget, Urgency } from "../../src/ports/admin-budget.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { createAdminBudget } from "../../src/redis/admin-budget.ts";
import type { RedisClient } from "../../src/redis/client.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import type { Server, StartServer } from "./harness.ts";

/** Refuses to wait: what would have to wait rejects with the milliseconds, so that no test takes long. */
const impatient: Clock = {
  now: () => Date.now(),
  sleep: (ms) => Promise.reject(new Error(`waits ${Math.ceil(ms)}`)),
};
const outcome = (taking: Promise<void>): Promise<string> =>
  taking.then(
    () => "taken",
    (error: unknown) => (error instanceof Error && error.message.startsWith("waits") ? "waits" : String(error)),
  );

/** One budget for all processes, on the server that `start` gives. */
export function adminBudgetContract(name: string, start: StartServer): void {
  describe(`the Admin API's budget (${name})`, () => {
    let server: Server;
    let one: AdminBudget;
    let two: AdminBudget;
    // 60 a minute: one each second, and 10 at once.
    const aBudget = (redis: () => Promise<RedisClient>, clock = impatient) =>
      createAdminBudget({ redis, install: "kt", requestsPerMinute: 60, clock });
    const joined = (clock = impatient) => {
      const client = server.connect();
      return aBudget(() => Promise.resolve(client), clock);
    };
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      [one, two] = [joined(), joined()];
      await server.flush();
    });

    it("what one process took the other does not get", async () => {
      await one.take(6, "urgent");
      await two.take(4, "urgent");
      expect(await Promise.all([outcome(one.take(1, "urgent")), outcome(two.take(1, "urgent"))])).toEqual([
        "waits",
        "waits",
      ]);
    });

    it.each<{ urgency: Urgency; all: number }>([
      { urgency: "scan", all: 5 },
      { urgency: "step", all: 8 },
      { urgency: "urgent", all: 10 },
    ])("of ten at once a $urgency may take $all; the rest is for those before it", async ({ urgency, all }) => {
      for (let n = 0; n < all; n += 1) expect([n, await outcome(one.take(1, urgency))]).toEqual([n, "taken"]);
      expect(await outcome(two.take(1, urgency))).toBe("waits");
      if (urgency === "scan") expect(await outcome(two.take(3, "urgent"))).toBe("taken");
    });

    it("room comes back with time, by Redis' clock", async () => {
      await one.take(10, "urgent");
      const began = performance.now();
      const sleeps: number[] = [];
      const patient = joined({
        now: () => Date.now(),
        sleep: async (ms) => {
          sleeps.push(ms);
          await new Promise((resolve) => setTimeout(resolve, ms));
        },
      });
      await patient.take(1, "urgent");
      expect(sleeps.length).toBeGreaterThan(0);
      // One each second; what passed before `began` counts too.
      expect(performance.now() - began).toBeGreaterThan(500);
    });

    it("a 429 that one is told of stops everybody, the most urgent too, and for 30 s at most", async () => {
      one.pause(3_600_000);
      await expect.poll(() => outcome(two.take(1, "urgent"))).toBe("waits");
      const seen: number[] = [];
      const third = joined({ now: () => Date.now(), sleep: async (ms) => void seen.push(ms) });
      await expect(third.take(1, "urgent")).rejects.toMatchObject({ code: "ADMIN_UNAVAILABLE" });
      // A wait is 5 s at most and up to a quarter longer; the patience of 20 s ends it.
      expect(Math.max(...seen)).toBeLessThanOrEqual(6250);
    });

    it("who finds no room within their patience is told so, and when to come back", async () => {
      await one.take(10, "urgent");
      const sleepless = joined({ now: () => Date.now(), sleep: async () => undefined });
      const error = await sleepless.take(10, "urgent").catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(KeyturnError);
      expect(error).toMatchObject({ code: "ADMIN_UNAVAILABLE" });
      expect((error as KeyturnError).retryAfterMs).toBeGreaterThan(1000);
      expect((error as KeyturnError).message).toContain("anthropic.requestsPerMinute");
    });

    it("with Redis away a process counts for itself, from what it had taken of the shared budget", async () => {
      let away = false;
      const client = server.connect();
      const alone = aBudget(() => (away ? Promise.reject(new Error("away")) : Promise.resolve(client)));
      await alone.take(7, "urgent");
      away = true;
      expect([await outcome(alone.take(3, "urgent")), await outcome(alone.take(1, "urgent"))]).toEqual([
        "taken",
        "waits",
      ]);
    });

    it("whoever gives up while waiting takes nothing", async () => {
      const stop = new AbortController();
      stop.abort(new Error("no longer wanted"));
      await expect(one.take(10, "urgent", stop.signal)).rejects.toThrow("no longer wanted");
      await two.take(10, "urgent");
    });
  });
}
