import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedisScanLog } from "../../src/redis/scan-log.ts";
import { type Server, T0, jsServer } from "./harness.ts";

describe("the scan log", () => {
  let server: Server;
  beforeAll(async () => {
    server = await jsServer();
  });
  afterAll(() => server.stop());

  it("is empty at first, then says what the last scan saw", async () => {
    const log = createRedisScanLog({ redis: server.connect(), install: "kt" });
    expect([await log.lastSuccess(), await log.statuses(), await log.seenFingerprints()]).toEqual([null, {}, {}]);
    await log.record(T0);
    await log.rememberStatuses({ apikey_1: "active", apikey_2: "inactive" });
    await log.rememberStatuses({ apikey_1: "inactive" });
    await log.rememberFingerprint("f1", "billing");
    await log.rememberFingerprint("f2", "reports");
    expect(await log.lastSuccess()).toBe(T0);
    expect(await log.statuses()).toEqual({ apikey_1: "inactive" });
    expect(await log.seenFingerprints()).toEqual({ f1: "billing", f2: "reports" });
  });

  it("keeps the last report, and none before the first", async () => {
    const log = createRedisScanLog({ redis: server.connect(), install: "reports" });
    expect(await log.report()).toBeNull();
    const none = { shown: [], total: 0 };
    const report = { schema: 1 as const, scannedAt: T0, targets: none, unmanaged: none, problems: none };
    await log.rememberReport(report);
    await log.rememberReport({ ...report, scannedAt: T0 + 1 });
    expect(await log.report()).toEqual({ ...report, scannedAt: T0 + 1 });
  });
});
