import { createRedisMock } from "js-redis-server";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type Drive, drive } from "./drive.ts";

type Given = Parameters<typeof drive>[1];

/** Starts installations for the tests of one file over one Redis; each is closed when its test ends. */
export function drives(): (given?: Given) => Promise<Drive> {
  const mock = createdBefore();
  const open: Drive[] = [];
  afterEach(async () => {
    for (const d of open.splice(0)) await d.close();
  });
  return async (given) => {
    const started = await drive(mock().url, given);
    open.push(started);
    return started;
  };
}

/** One installation for all tests of a block, which must not depend on each other's doings. */
export function sharedDrive(given?: Given, begin: (d: Drive) => Promise<void> = async () => undefined): () => Drive {
  const mock = createdBefore();
  let started: Drive | null = null;
  beforeAll(async () => {
    started = await drive(mock().url, given);
    await begin(started);
  });
  afterAll(() => started?.close());
  return () => {
    if (started === null) throw new Error("the installation is not started yet");
    return started;
  };
}

function createdBefore(): () => { url: string } {
  let mock: Awaited<ReturnType<typeof createRedisMock>> | null = null;
  beforeAll(async () => {
    mock = await createRedisMock();
  });
  afterAll(() => mock?.close());
  return () => {
    if (mock === null) throw new Error("Redis is not started yet");
    return mock;
  };
}
