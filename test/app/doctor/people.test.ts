import { describe, expect, it } from "vitest";
import { askPeople, checkEligible } from "../../../src/app/doctor/approvers.ts";
import { checkSchedule } from "../../../src/app/doctor/schedule.ts";
import { aMember, memoryDirectory } from "../../support/doubles/memory-directory.ts";
import { DAY, HOUR } from "../../support/records.ts";
import { aPolicy, aRule, aTarget, someApprovers, someSettings } from "../../support/settings.ts";
import { ward } from "./support.ts";

const approvals = (n: number) =>
  aPolicy({ approval: { required: n > 0, approvals: Math.max(1, n), expiresAfterMs: 3 * DAY } });

interface Case {
  who: string;
  cli?: string[];
  able?: string[];
  unknown?: boolean;
  subjects?: string[];
  groups?: string[];
  oidc?: boolean;
  tokens?: string[];
  needed?: number;
  fourEyes?: boolean;
  level: string;
}

describe("R21: rotations can get their approvals", () => {
  it.each<Case>([
    { who: "everybody at a terminal", cli: ["*"], level: "pass" },
    { who: "nobody", level: "fail" },
    { who: "nobody, and nobody is needed", needed: 0, level: "pass" },
    { who: "a terminal, and two are needed", cli: ["ana@a", "ben@b"], needed: 2, level: "fail" },
    { who: "a terminal and one of Slack, and two are needed", cli: ["*"], able: ["U1"], needed: 2, level: "pass" },
    { who: "one of Slack, and two are needed", able: ["U1"], needed: 2, level: "fail" },
    { who: "a token that may decide", tokens: ["ops"], level: "pass" },
    { who: "a subject, but nobody can sign in", subjects: ["s"], level: "fail" },
    { who: "a subject", subjects: ["s"], oidc: true, level: "pass" },
    { who: "a group of the issuer, and five are needed", groups: ["g"], oidc: true, needed: 5, level: "pass" },
    { who: "Slack did not answer for all", unknown: true, needed: 3, level: "pass" },
    { who: "four eyes: a terminal", cli: ["*"], fourEyes: true, level: "fail" },
    { who: "four eyes: a token", tokens: ["ops"], fourEyes: true, level: "fail" },
    { who: "four eyes: one person", able: ["U1"], fourEyes: true, level: "warn" },
    { who: "four eyes: two people", able: ["U1", "U2"], fourEyes: true, level: "pass" },
    {
      who: "four eyes: one of Slack, a group of the issuer",
      able: ["U1"],
      groups: ["g"],
      oidc: true,
      fourEyes: true,
      level: "pass",
    },
    { who: "four eyes: no policy asks anybody", needed: 0, fourEyes: true, level: "pass" },
  ])("$who: $level", (given) => {
    const settings = someSettings({
      targets: [aTarget("billing", { policy: approvals(given.needed ?? 1) })],
      approvers: someApprovers({
        cli: given.cli ?? [],
        oidc: { subjects: given.subjects ?? [], groups: given.groups ?? [] },
        fourEyes: given.fourEyes ?? false,
      }),
    });
    const people = { lines: [], able: new Set(given.able), unknown: given.unknown ?? false };
    const found = checkEligible({ settings, decidingTokens: given.tokens ?? [], oidc: given.oidc ?? false }, people);
    expect(found).toMatchObject([{ name: "approvals", level: given.level }]);
  });
});

describe("who of Slack may decide", () => {
  const ask = async (directory: ReturnType<typeof memoryDirectory>, users: string[], groups: string[] = []) =>
    askPeople(directory, someSettings({ approvers: someApprovers({ slack: { users, groups } }) }));

  it("one person with two accounts and one address is one", async () => {
    const directory = memoryDirectory();
    for (const id of ["U1", "U2"]) directory.members.set(id, aMember(id, { email: "ana@example.com" }));
    expect((await ask(directory, ["U1", "U2"])).able.size).toBe(1);
  });

  it("a group's guests do not count, and are nobody's mistake", async () => {
    const directory = memoryDirectory(["U1"]);
    directory.members.set("U2", aMember("U2", { barred: "a guest account" }));
    directory.groups.set("S1", ["U1", "U2"]);
    const { able, lines } = await ask(directory, [], ["S1"]);
    expect([...able]).toEqual(["U1"]);
    expect(lines.map(({ level }) => level)).toEqual(["pass", "pass"]);
  });

  it("P12: a Slack that is away makes lines, and nobody is counted out; it is not asked for every one", async () => {
    const directory = memoryDirectory();
    directory.down = true;
    let asked = 0;
    const member = directory.member.bind(directory);
    directory.member = (id) => {
      asked += 1;
      return member(id);
    };
    const ids = Array.from({ length: 200 }, (_, i) => `U${i}`);
    const { lines, unknown } = await ask(directory, ids);
    expect(unknown).toBe(true);
    expect(lines.every(({ level }) => level === "fail")).toBe(true);
    expect([asked, lines.length]).toEqual([8, 8]);
  });

  it("a group of 500 is asked about in part", async () => {
    const ids = Array.from({ length: 500 }, (_, i) => `U${i}`);
    const directory = memoryDirectory(ids);
    directory.groups.set("S1", ids);
    const { able, unknown, lines } = await ask(directory, [], ["S1"]);
    expect([able.size, unknown]).toEqual([40, true]);
    expect(lines.at(-1)?.message).toBe("40 may decide of those asked about");
  });
});

describe("R21: timers without a serve are as exact as the runs", () => {
  const schedule = (
    pauseMs: number | null,
    workers: number | null,
    policy = aPolicy({ propagationLimitMs: 4 * HOUR }),
  ) => {
    const well = ward().surroundings();
    return checkSchedule({
      clock: well.clock,
      settings: someSettings({ targets: [], rules: [aRule({ policy })] }),
      schedule: { mode: "embedded", scan: "@", previousAt: () => null, longestPauseMs: () => pauseMs },
      redis: async () => ({ ...(await well.redis()), workers: () => Promise.resolve(workers) }),
    });
  };
  it.each([
    { pauseMs: 2 * HOUR, workers: 0, level: "pass" },
    { pauseMs: 2 * HOUR + 1, workers: 0, level: "warn" },
    { pauseMs: 2 * HOUR + 1, workers: null, level: "warn" },
    { pauseMs: 100 * DAY, workers: 2, level: "pass" },
    { pauseMs: null, workers: 2, level: "warn" },
  ])("$pauseMs ms between runs, $workers serving: $level", async ({ pauseMs, workers, level }) => {
    expect(await schedule(pauseMs, workers)).toMatchObject([{ name: "schedule", level }]);
  });
  it("names the shortest timer", async () => {
    const [line] = await schedule(DAY, 0, aPolicy({ propagationLimitMs: 30 * HOUR }));
    expect(line?.message).toContain("propagation.limit (30 hours)");
  });
});
