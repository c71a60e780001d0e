import { describe, expect, it } from "vitest";
import { examine } from "../../../src/app/doctor/doctor.ts";
import { fail, pass, trouble } from "../../../src/app/doctor/finding.ts";
import { runChecks } from "../../../src/app/doctor/run-checks.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { makeKey } from "../../support/keys.ts";
import { NOON } from "../../support/records.ts";
import { turnedClock } from "../../support/turned-clock.ts";
import { ward } from "./support.ts";

const never = () => new Promise<never>(() => undefined);

describe("checks run side by side", () => {
  it("one that throws and one that never answers hide no other, and the order stays", async () => {
    const clock = turnedClock(NOON);
    const running = runChecks(
      [
        { name: "silent", run: never },
        { name: "thrown", run: () => Promise.reject(new KeyturnError("STORE_DENIED", "(403)")) },
        { name: "mild", onTrouble: "warn", run: never },
        { name: "well", run: async () => [pass("well", "yes")] },
      ],
      clock,
    );
    await clock.turn(10_000);
    expect((await running).map(({ name, level, message }) => [name, level, message])).toEqual([
      ["silent", "fail", "no answer within 10 s"],
      ["thrown", "fail", "The secrets manager refused Keyturn's credentials. (403)"],
      ["mild", "warn", "no answer within 10 s"],
      ["well", "pass", "yes"],
    ]);
  });

  it("an answer a moment before the 10 s counts", async () => {
    const clock = turnedClock(NOON);
    const running = runChecks(
      [{ name: "slow", run: () => clock.sleep(9_999).then(() => [pass("slow", "late, but there")]) }],
      clock,
    );
    await clock.turn(10_000);
    expect((await running)[0]?.level).toBe("pass");
  });

  it("P12: everything away at once is a report, not an exception", async () => {
    const { surroundings, clock } = ward();
    const away = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
    const running = examine(
      surroundings({
        redis: away,
        stores: { of: never, close: never },
        admin: { organization: never } as never,
        fetchJson: never,
      }),
    );
    await clock.turn(120_000);
    const { ok, checks } = await running;
    expect(ok).toBe(false);
    const level = Object.fromEntries(checks.map((check) => [check.name, check.level]));
    expect(level).toMatchObject({
      configuration: "pass",
      redis: "fail",
      "admin key": "fail",
      clocks: "warn",
      "store files": "fail",
      schedule: "warn",
    });
  });

  it("warnings alone are ok", async () => {
    const { surroundings } = ward();
    const { ok, checks } = await examine(surroundings());
    expect(checks.filter(({ level }) => level !== "pass").map(({ name }) => name)).toEqual(["audit file"]);
    expect(ok).toBe(true);
  });
});

describe("P3: no line has a key in it, whoever put it there", () => {
  const key = makeKey("stray");
  it.each([
    { where: "the name of the organization", line: pass("admin key", `organization ${key}`) },
    { where: "a message", line: fail("x", `no such thing: ${key}`, "Repair it.") },
    { where: "a fix", line: fail("x", "wrong", `Take ${key} away.`) },
    { where: "an error of ours", line: trouble("x", new KeyturnError("STORE_MISSING", key)) },
    { where: "an error of a library", line: trouble("x", new Error(key)) },
  ])("$where", ({ line }) => expect(JSON.stringify(line)).not.toContain(key.slice(20)));
});
