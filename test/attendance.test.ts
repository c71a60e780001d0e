import { afterEach, expect, it, vi } from "vitest";
import { createAttendance, hostBoundStores } from "../src/attendance.ts";
import type { Elsewhere, ProcessKind, Processes } from "../src/ports/processes.ts";
import type { SecretStore } from "../src/ports/secret-store.ts";
import { KeyturnError } from "../src/rotation/errors.ts";
import { listeningLog } from "./support/quiet-log.ts";
import { aDestination } from "./support/records.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Answers of Redis, one per word; the last stays. */
function told(...answers: (Elsewhere | null | Error)[]) {
  const beats: [ProcessKind, boolean][] = [];
  const rest = [...answers];
  const processes: Processes & { answers: typeof rest; left: number } = {
    host: "this-host",
    answers: rest,
    left: 0,
    beat: async (kind, files) => {
      beats.push([kind, files]);
      const answer = rest.length > 1 ? rest.shift() : rest[0];
      if (answer instanceof Error) throw answer;
      return answer ?? null;
    },
    leave: async () => void (processes.left += 1),
    all: () => Promise.resolve([]),
  };
  const slept: number[] = [];
  const log = listeningLog();
  const clock = { sleep: async (ms: number) => void slept.push(ms) };
  return { processes, beats, slept, log, attendance: createAttendance({ processes, files: true, clock, log }) };
}
const at = (until: number): Elsewhere => ({ host: "pod-1", until });

it("R10: another host that says again that it is there refuses this one, with both names and what to do", async () => {
  const { attendance, processes } = told(at(1000), at(1000), at(11_000));
  const refused = await attendance.start("serve").catch((error: unknown) => error as KeyturnError);
  expect(refused).toMatchObject({ code: "OTHER_HOST", exit: 78 });
  expect(refused?.message).toContain("on host pod-1; this is this-host");
  expect(refused?.next).toContain("one replica");
  expect(processes.left).toBe(1);
});

it("R10: a host that died is waited for, so that a restarted pod is not refused", async () => {
  const { attendance, slept, beats } = told(at(1000), at(1000), null);
  await attendance.start("serve");
  expect(slept).toEqual([1000, 1000]);
  expect(beats.at(-1)).toEqual(["serve", true]);
  await attendance.stop();
});

it("R10: files are this host's only as long as its word counts; then Redis is asked before anything is done", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const { attendance, beats, processes } = told(null);
  await attendance.start("serve");
  await attendance.requireFiles();
  expect(beats).toHaveLength(1);
  vi.advanceTimersByTime(26_000);
  await attendance.requireFiles();
  expect(beats).toHaveLength(2);
  // As after standing still: another host began meanwhile.
  vi.advanceTimersByTime(26_000);
  processes.answers.splice(0, 1, at(1));
  await expect(attendance.requireFiles()).rejects.toMatchObject({ code: "OTHER_HOST", reason: "other_host" });
  processes.answers.splice(0, 1, new KeyturnError("REDIS_UNAVAILABLE"));
  await expect(attendance.requireFiles()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  processes.answers.splice(0, 1, null);
  await attendance.requireFiles();
  await attendance.stop();
});

it("R10: nothing of a file store is read or written while another host has it; other stores are asked as ever", async () => {
  const calls: string[] = [];
  const storeOf = (type: string) =>
    ({
      type,
      physicalId: () => type,
      read: async () => (calls.push(`${type} read`), null),
      promote: async () => (calls.push(`${type} promote`), { version: "2" }),
      close: async () => undefined,
    }) as Partial<SecretStore> as SecretStore;
  const known = { files: storeOf("dotenv-file"), cloud: storeOf("google-secret-manager") };
  const stores = hostBoundStores(
    {
      of: (dest) => Promise.resolve(dest.type === "dotenv-file" ? known.files : known.cloud),
      close: async () => undefined,
    },
    told(at(1)).attendance,
  );
  const dest = { ...aDestination("billing"), type: "dotenv-file" };
  const files = await stores.of(dest);
  expect([files.type, files.physicalId(dest)]).toEqual(["dotenv-file", "dotenv-file"]);
  await expect(files.read(dest)).rejects.toMatchObject({ code: "OTHER_HOST" });
  await expect(files.promote(dest, "rot_1", "1")).rejects.toMatchObject({ code: "OTHER_HOST" });
  const cloud = { ...dest, type: "google-secret-manager" };
  await (await stores.of(cloud)).read(cloud);
  expect(calls).toEqual(["google-secret-manager read"]);
});
