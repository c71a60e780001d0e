import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { asRedisError } from "../../src/redis/errors.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { makeKey } from "../support/keys.ts";
import { aProcess, aRotation, save } from "./harness.ts";

const reply = (text: string): Error => Object.assign(new Error(text), { name: "ReplyError" });

describe("P3: what Redis says never gets through, only what it means", () => {
  const key = makeKey("canary");
  it.each([
    { error: reply(`OOM command not allowed when used memory > 'maxmemory'. ${key}`), code: "REDIS_UNSAFE" },
    { error: reply(`MISCONF Redis is configured to save ${key}`), code: "REDIS_UNSAFE" },
    { error: reply(`READONLY You can't write against a replica ${key}`), code: "REDIS_UNAVAILABLE" },
    { error: reply(`${key} unknown`), code: "REDIS_UNAVAILABLE" },
    { error: new Error(`connect ECONNREFUSED redis://:${key}@host`), code: "REDIS_UNAVAILABLE" },
    { error: key, code: "REDIS_UNAVAILABLE" },
  ])("$code", ({ error, code }) => {
    const mapped = asRedisError(error);
    expect(mapped.code).toBe(code);
    expect(`${mapped.message} ${mapped.stack} ${JSON.stringify(mapped)}`).not.toContain(key.slice(20, 40));
  });

  it("our own errors pass as they are", () => {
    const own = new KeyturnError("CONFLICT");
    expect(asRedisError(own)).toBe(own);
  });
});

it("a Redis that is not there: every call is REDIS_UNAVAILABLE", async () => {
  const redis = new Redis({
    port: 1,
    host: "127.0.0.1",
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    lazyConnect: true,
    retryStrategy: () => null,
  });
  redis.on("error", () => undefined);
  const one = aProcess(redis, null);
  const refused = { code: "REDIS_UNAVAILABLE" };
  await expect(one.rotations.load("rot_1")).rejects.toMatchObject(refused);
  await expect(save(one, aRotation())).rejects.toMatchObject(refused);
  await expect(one.rotations.due(0, 1)).rejects.toMatchObject(refused);
  await expect(one.rotations.all()[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
  await expect(one.rotations.serverTime()).rejects.toMatchObject(refused);
  await expect(one.holds.list()).rejects.toMatchObject(refused);
  await expect(one.trail.reconcile()).rejects.toMatchObject(refused);
  redis.disconnect();
});
