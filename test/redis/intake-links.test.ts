import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IntakeLinks } from "../../src/ports/intake-links.ts";
import { createRedisIntakeLinks } from "../../src/redis/intake-links.ts";
import { memoryLinks } from "../support/doubles/memory-links.ts";
import { type Server, T0, jsCluster, jsServer } from "./harness.ts";
import { aLink, intakeLinksContract } from "./intake-links.contract.ts";

describe.each([
  { kind: "Redis", start: jsServer },
  { kind: "Redis Cluster", start: jsCluster },
])("$kind", ({ kind, start }) => {
  let server: Server;
  let both: [IntakeLinks, IntakeLinks];
  beforeAll(async () => {
    server = await start();
    const links = () => createRedisIntakeLinks({ redis: server.connect(), install: "kt" });
    both = [links(), links()];
  });
  afterAll(() => server.stop());

  intakeLinksContract(kind, () => both);

  it("a link is forgotten an hour after its end, and two installations do not see each other's", async () => {
    const redis = server.connect();
    const hash = "a".repeat(64);
    await both[0].issue(hash, aLink({ rotation: "rot_ttl" }));
    expect(await createRedisIntakeLinks({ redis, install: "other" }).look(hash, T0)).toEqual({ state: "unknown" });
    for (const key of [`{kt}:intake:${hash}`, "{kt}:intake-of:rot_ttl"]) {
      const ttl = await redis.pttl(key);
      expect(ttl).toBeGreaterThan(74 * 60_000);
      expect(ttl).toBeLessThanOrEqual(75 * 60_000);
    }
  });
});

const shared = memoryLinks();
intakeLinksContract("the double of the tests", () => [shared, shared]);
