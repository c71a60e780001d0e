import { describe, expect, it } from "vitest";
import { checkReplicas } from "../../../src/app/doctor/replicas.ts";
import { checkSchedule } from "../../../src/app/doctor/schedule.ts";
import type { Surroundings } from "../../../src/app/doctor/surroundings.ts";
import type { ProcessSeen } from "../../../src/ports/processes.ts";
import { DAY, HOUR, NOON } from "../../support/records.ts";
import { aPolicy, aRule, someSettings } from "../../support/settings.ts";
import { ward } from "./support.ts";

const serving = (...hosts: string[]): ProcessSeen[] => hosts.map((host) => ({ kind: "serve", host, files: false }));

interface Given {
  mode?: "embedded" | "cronjob";
  processes?: ProcessSeen[];
  workers?: number | null;
  pauseMs?: number;
  lastScan?: number | null;
  previous?: number;
}
async function schedule({ mode = "cronjob", processes = [], workers = 0, ...more }: Given) {
  const { surroundings } = ward();
  const { pauseMs = DAY, lastScan = NOON, previous = NOON } = more;
  const patient = await surroundings().redis();
  const lines = await checkSchedule(
    surroundings({
      settings: someSettings({ targets: [], rules: [aRule({ policy: aPolicy({ propagationLimitMs: 4 * HOUR }) })] }),
      schedule: { mode, scan: "@", previousAt: () => previous, longestPauseMs: () => pauseMs },
      redis: () =>
        Promise.resolve({
          ...patient,
          processes: () => Promise.resolve(processes),
          workers: () => Promise.resolve(workers),
          lastScan: () => Promise.resolve(lastScan),
        }),
    }),
  );
  return lines.map(({ level, message, fix }) => ({ level, message, fix }));
}

describe("who scans, and who looks after timers", () => {
  it.each<Given & { when: string; level: string; says: string }>([
    {
      when: "`serve` scans",
      mode: "embedded",
      processes: serving("a"),
      level: "pass",
      says: "scans at `@`; 1 serving now",
    },
    {
      when: "a CronJob scans beside `serve`",
      processes: serving("a", "b"),
      level: "pass",
      says: "a CronJob scans at `@`; 2 serving now, so timers are looked after at once",
    },
    {
      when: "job only, often enough",
      pauseMs: 2 * HOUR,
      level: "pass",
      says: "often enough for every timer, also when it runs `run-once`",
    },
    {
      when: "job only, too seldom (R21)",
      level: "warn",
      says: "no `serve` runs now, so timers wait for the CronJob's next `run-once`; up to 24 hours between runs at `@` is more than half of propagation.limit (4 hours)",
    },
    {
      when: "job only, while a `run-once` is at work: its worker is no `serve`",
      processes: [{ kind: "run-once", host: "a", files: false }],
      workers: 1,
      level: "warn",
      says: "no `serve` runs now",
    },
    {
      when: "nobody can say whether a `serve` runs",
      workers: null,
      level: "warn",
      says: "whether a `serve` runs is not known",
    },
    {
      when: "a `serve` of a version that does not say where it is",
      workers: 3,
      level: "pass",
      says: "3 serving now",
    },
  ])("$when: $level", async ({ level, says, ...given }) => {
    const [line] = await schedule(given);
    expect(line?.level).toBe(level);
    expect(line?.message).toContain(says);
  });

  it.each<Given & { when: string; late: boolean }>([
    {
      when: "a scan was due two hours ago, and the last is of yesterday",
      lastScan: NOON - DAY,
      previous: NOON - 2 * HOUR,
      late: true,
    },
    { when: "the last scan is newer than that", lastScan: NOON - HOUR, previous: NOON - 2 * HOUR, late: false },
    {
      when: "it was due half an hour ago: it may be under way",
      lastScan: NOON - DAY,
      previous: NOON - HOUR / 2,
      late: false,
    },
    { when: "a new installation has scanned nothing yet", lastScan: null, previous: NOON - 2 * HOUR, late: false },
    {
      when: "`serve` scans: it makes up what is missing",
      mode: "embedded",
      lastScan: NOON - DAY,
      previous: NOON - 2 * HOUR,
      late: false,
    },
  ])("$when: late $late", async ({ late, ...given }) => {
    const lines = await schedule({ processes: serving("a"), ...given });
    expect(lines.some(({ message }) => message.startsWith("no scan has ended well since"))).toBe(late);
    if (late)
      expect(lines.at(-1)).toMatchObject({
        level: "warn",
        fix: expect.stringContaining("kubectl get cronjob") as string,
      });
  });
});

describe("replicas, and the host of a file store (R10)", () => {
  async function replicas(processes: ProcessSeen[], stores: string[] = [], workers: number | null = 0) {
    const { surroundings } = ward();
    const patient = await surroundings().redis();
    const redis: Surroundings["redis"] = () =>
      Promise.resolve({
        ...patient,
        processes: () => Promise.resolve(processes),
        workers: () => Promise.resolve(workers),
      });
    return (await checkReplicas({ redis, oneHost: { host: "here", stores } }))[0];
  }
  it("are counted with their hosts", async () => {
    expect(await replicas(serving("b", "a", "a"))).toMatchObject({
      level: "pass",
      message: "3 `serve` at work on 2 hosts: a, b",
    });
    expect(await replicas([])).toMatchObject({ level: "pass", message: "no `serve` is at work now" });
    expect((await replicas([], [], 2))?.message).toContain("2 at work");
  });
  it("on several hosts are a failure where files belong to one", async () => {
    const line = await replicas(serving("a", "b"), ["files"]);
    expect(line).toMatchObject({ level: "fail", fix: expect.stringContaining("Run one replica") as string });
    expect(await replicas(serving("a", "a"), ["files"])).toMatchObject({ level: "pass" });
  });
});
