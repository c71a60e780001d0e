import { createRedisMock } from "js-redis-server";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type Ran, document, keyturn } from "../support/cli.ts";
import { type Lab, startLab } from "../support/lab.ts";

/** What the tests of one file share: a new installation for each, with one target whose key is 100 days old. */
export interface Bench {
  lab: Lab;
  outgoing: { id: string; text: string };
}

/** Registers the hooks; the fields are there once a test runs. The Redis is one that may forget: some commands refuse it. */
export function bench(): Bench {
  process.env["KEYTURN_LOG_LEVEL"] ??= "silent";
  const at = {} as Bench;
  let redis: Awaited<ReturnType<typeof createRedisMock>>;
  beforeAll(async () => {
    redis = await createRedisMock();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    await redis.flush();
    at.lab = await startLab(redis.url);
    at.outgoing = await at.lab.target("billing", 100);
  });
  afterEach(() => at.lab.close());
  return at;
}

/** Runs a command line with the bench's configuration. */
export const runner =
  (at: Bench) =>
  (...args: string[]): Promise<Ran> =>
    keyturn([...args, "--config", at.lab.configFile]);

/** The document of a command line that must end with this code. */
export const documents =
  (at: Bench) =>
  async (code: number, ...args: string[]): Promise<Record<string, unknown>> => {
    const ran = await runner(at)(...args, "--json");
    expect([args[0], ran.code, ran.code === code ? "" : ran.stdout]).toEqual([args[0], code, ""]);
    return document(ran);
  };

/** Submits to the rotation of `billing` by stdin. */
export const submitter =
  (at: Bench) =>
  (text: string, ...more: string[]): Promise<Ran> =>
    keyturn(["submit", "billing", ...more, "--json", "--config", at.lab.configFile], text);
