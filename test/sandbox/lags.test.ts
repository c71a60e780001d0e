import { describe, expect, it } from "vitest";
import { DAY, KEYS, START, world } from "./support.ts";

describe("lags on demand", () => {
  it("a fresh key answers 401 until newKeyLagMs have passed, although its record is active", async () => {
    const here = await world();
    await here.person.settings({ newKeyLagMs: 10_000 });
    const { key, secret } = await here.person.createKey({ name: "fresh" });
    expect(key.status).toBe("active");
    expect(await here.message(secret)).toBe(401);
    here.clock.at = START + 9_999;
    expect(await here.message(secret)).toBe(401);
    here.clock.at = START + 10_000;
    expect(await here.message(secret)).toBe(200);
  });

  it("a disabled key goes on working for statusLagMs, and a re-enabled one goes on failing", async () => {
    const here = await world();
    await here.person.settings({ statusLagMs: 60_000 });
    const { key, secret } = await here.person.seedKey({ name: "k", ageDays: 1 });
    await here.admin("POST", `${KEYS}/${key.id}`, { status: "inactive" });
    expect((await here.admin("GET", `${KEYS}/${key.id}`)).body.status).toBe("inactive");
    expect(await here.message(secret)).toBe(200);
    here.clock.at += 60_000;
    expect(await here.message(secret)).toBe(401);
    await here.admin("POST", `${KEYS}/${key.id}`, { status: "active" });
    expect(await here.message(secret)).toBe(401);
    here.clock.at += 60_000;
    expect(await here.message(secret)).toBe(200);
  });

  it("settings are refused when unknown and kept when not named", async () => {
    const here = await world();
    await here.person.settings({ statusLagMs: 5 });
    expect(await here.person.settings({ usageLagMs: 7 })).toMatchObject({ statusLagMs: 5, usageLagMs: 7 });
    await expect(here.person.settings({ statusLag: 5 } as object)).rejects.toThrow("400");
  });
});

describe("the simulated clock", () => {
  it("moves the Date header, creation, expiry and lags together", async () => {
    const here = await world();
    const { key } = await here.person.createKey({ name: "k", expiresInMs: DAY });
    expect(Date.parse((await here.admin("GET", KEYS)).headers.get("date") ?? "")).toBe(START);
    expect(await here.person.clock({ advanceMs: 8 * DAY })).toEqual({
      now: "2026-11-28T12:00:00.000Z",
      offsetMs: 8 * DAY,
    });
    expect(Date.parse((await here.admin("GET", KEYS)).headers.get("date") ?? "")).toBe(START + 8 * DAY);
    expect((await here.person.history(key.id)).key.status).toBe("expired");
    const later = await here.person.createKey({ name: "later" });
    expect(later.key.created_at).toBe("2026-11-28T12:00:00.000031Z");
    expect(await here.person.clock({ now: "2026-11-20T12:00:05Z" })).toMatchObject({ offsetMs: 5_000 });
    expect(await here.person.clock({ offsetMs: 0 })).toMatchObject({ now: "2026-11-20T12:00:00.000Z" });
  });

  it("the Date header alone can be wrong, or missing", async () => {
    const here = await world();
    await here.person.settings({ dateHeader: -3_600_000 });
    expect(Date.parse((await here.admin("GET", KEYS)).headers.get("date") ?? "")).toBe(START - 3_600_000);
    await here.person.settings({ dateHeader: "absent" });
    expect((await here.admin("GET", KEYS)).headers.get("date")).toBeNull();
  });
});
