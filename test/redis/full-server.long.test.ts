import { afterEach, beforeEach, expect, it } from "vitest";
import { type Process, type Server, aDraft, aProcess, aRotation, realServer, save } from "./harness.ts";

let server: Server;
beforeEach(async () => {
  server = await realServer(["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
});
afterEach(() => server.stop());

it("failures.md 10: on a full Redis a save is refused as REDIS_UNSAFE and changes nothing at all", async () => {
  const redis = server.connect();
  const one = aProcess(redis, null);
  await save(one, aRotation(), 0, ["target:billing", "key:apikey_1"]);
  for (let n = 0; n < 4000; n += 1) {
    const full = await redis.set(`fill:${n}`, "x".repeat(10_000)).then(
      () => false,
      () => true,
    );
    if (full) break;
  }
  const state = async (process: Process) => [
    await process.rotations.load("rot_1"),
    await process.trail.head(),
    await process.rotations.holderOf("target:billing"),
    await process.rotations.openIds(),
    await process.journal.read(null, 100),
    await process.rotations.due(Number.MAX_SAFE_INTEGER, 10),
  ];
  const before = await state(one);
  const ended = aRotation({ revision: 2, state: "completed", wakeAt: 5 });
  await expect(save(one, ended)).rejects.toMatchObject({ code: "REDIS_UNSAFE" });
  await expect(one.trail.append([aDraft()])).rejects.toMatchObject({ code: "REDIS_UNSAFE" });
  await expect(one.holds.set("billing", "cli:ann@host", aDraft())).rejects.toMatchObject({ code: "REDIS_UNSAFE" });
  expect(await state(one)).toEqual(before);
});
