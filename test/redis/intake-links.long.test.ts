import { afterAll, beforeAll, describe } from "vitest";
import type { IntakeLinks } from "../../src/ports/intake-links.ts";
import { createRedisIntakeLinks } from "../../src/redis/intake-links.ts";
import { type Server, realServer } from "./harness.ts";
import { intakeLinksContract } from "./intake-links.contract.ts";

describe("a real redis-server", () => {
  let server: Server;
  let both: [IntakeLinks, IntakeLinks];
  beforeAll(async () => {
    server = await realServer();
    const links = () => createRedisIntakeLinks({ redis: server.connect(), install: "kt" });
    both = [links(), links()];
  });
  afterAll(() => server.stop());

  intakeLinksContract("redis-server", () => both);
});
