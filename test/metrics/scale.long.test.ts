import { afterAll, beforeAll, expect, it } from "vitest";
import type { KeptTarget } from "../../src/ports/rotations.ts";
import type { App } from "../../src/compose.ts";
import { openMetrics } from "../../src/metrics-page.ts";
import { createChainWatch } from "../../src/metrics/chain.ts";
import { type HttpServer, startHttpServer } from "../../src/http/server.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { DAY, aKey, aPlan, aRotation } from "../support/records.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";

let redis: RedisServer;
let lab: Lab;
let app: App;
let server: HttpServer;
beforeAll(async () => {
  redis = await startRedisServer();
  lab = await startLab(redis.url);
  app = await lab.app();
  const chain = createChainWatch(app.deps.audit, () => app.deps.clock.now());
  server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    log: listeningLog(),
    routes: [openMetrics(app, chain)],
  });
});
afterAll(async () => {
  await server.close(200);
  await lab.close();
  await redis.stop();
});

const TARGETS = 2000;
const OPEN = 500;

it(`${TARGETS} targets and ${OPEN} open rotations: ten scrapes at once are answered within two seconds`, async () => {
  const now = app.deps.clock.now();
  const targets = Array.from({ length: TARGETS }, (_, n): KeptTarget => ({
    name: `target-${n}`,
    keyId: `apikey_${n}`,
    keyName: `key-${n}`,
    hint: null,
    createdAt: now - 10 * DAY,
    expiresAt: now + 80 * DAY,
    maxAgeMs: 90 * DAY,
    dueAt: now + 60 * DAY,
    due: false,
    reason: "not_due",
    message: "younger than its limit",
  }));
  await app.deps.scanLog.rememberReport({
    schema: 1,
    scannedAt: now,
    targets: { shown: targets, total: TARGETS },
    unmanaged: { shown: [], total: 0 },
    problems: { shown: [], total: 0 },
  });
  for (let n = 0; n < OPEN; n++) {
    const plan = aPlan({ targets: [`target-${n}`], outgoingKeyId: `apikey_${n}` });
    const record = aRotation({ id: `rot_${n}`, target: `target-${n}`, plan, outgoing: aKey(`apikey_${n}`) });
    await app.deps.rotations.commit({ record, expectedRevision: 0, locks: [`target:target-${n}`], audit: [] });
  }
  const began = performance.now();
  const texts = await Promise.all(
    Array.from({ length: 10 }, async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()),
  );
  expect(performance.now() - began).toBeLessThan(2000);
  expect(texts[0]).toContain('keyturn_collection_success{part="records"} 1\n');
  const series = (name: string) => texts[0]?.split("\n").filter((line) => line.startsWith(`${name}{`)).length;
  expect(series("keyturn_target_key_age_seconds")).toBe(TARGETS);
  expect(series("keyturn_rotation_info")).toBe(OPEN);
  console.log(`${Math.round(performance.now() - began)} ms, ${texts[0]?.length} bytes`);
});
