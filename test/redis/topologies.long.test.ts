import { afterAll, beforeAll, describe } from "vitest";
import type { IntakeLinks } from "../../src/ports/intake-links.ts";
import { createRedisCardSlots } from "../../src/redis/card-slots.ts";
import { createRedisIntakeLinks } from "../../src/redis/intake-links.ts";
import { createRedisOutbox } from "../../src/redis/outbox.ts";
import { trailContract } from "../audit/trail.contract.ts";
import { verifyContract } from "../audit/verify.contract.ts";
import { queueContract } from "../workers/queue.contract.ts";
import { cardSlotsContract } from "./card-slots.contract.ts";
import type { Server } from "./harness.ts";
import { intakeLinksContract } from "./intake-links.contract.ts";
import { outboxContract } from "./outbox.contract.ts";
import { recordsContract } from "./records.contract.ts";
import { TOPOLOGIES, asServer } from "./topologies.ts";

// Everything that Keyturn keeps in Redis, on every supported kind: one key outside the hash tag fails on a Cluster.
for (const { name, start } of TOPOLOGIES) {
  const server = asServer(start);
  recordsContract(name, server);
  trailContract(name, server);
  verifyContract(name, server);

  outboxContract(name, async () => {
    const at = await server();
    return {
      open: (install = "kt") => createRedisOutbox({ redis: at.connect(), install }),
      flush: () => at.flush(),
      stop: () => at.stop(),
    };
  });

  cardSlotsContract(name, async () => {
    const at = await server();
    return {
      open: () => createRedisCardSlots({ redis: at.connect(), install: "kt" }),
      flush: () => at.flush(),
      stop: () => at.stop(),
    };
  });

  describe(`one-time links (${name})`, () => {
    let at: Server;
    let both: [IntakeLinks, IntakeLinks];
    beforeAll(async () => {
      at = await server();
      const links = () => createRedisIntakeLinks({ redis: at.connect(), install: "kt" });
      both = [links(), links()];
    });
    afterAll(() => at.stop());

    intakeLinksContract(name, () => both);
  });

  queueContract(name, async () => {
    const at = await start();
    return {
      settings: at.settings,
      flush: () => at.flush(),
      cut: async () => void (await Promise.all(at.nodes.map((node) => node.kill()))),
      mend: async () => void (await Promise.all(at.nodes.map((node) => node.start()))),
      stop: () => at.stop(),
    };
  });
}
