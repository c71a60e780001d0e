import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SecretStore } from "../../../src/ports/secret-store.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { openDotenvFile } from "../../../src/stores/dotenv-file/store.ts";
import { makeKey } from "../../support/keys.ts";
import { mortal } from "./mortal-files.ts";

const OUTGOING = SecretText.from(makeKey("kills-outgoing"));
const REPLACEMENT = SecretText.from(makeKey("kills-replacement"));
const R1 = "rot_kills-1";
const MARKED = { v: "1", install: "keyturn", rotation: R1 };
const UNMARKED = { v: null, install: null, rotation: null };

let directory: string;
const dest = (): Destination => ({
  store: "files",
  type: "dotenv-file",
  location: { directory },
  secret: "app.env",
  field: "ANTHROPIC_API_KEY",
});
const open = (files = mortal(Infinity)) => openDotenvFile({ directory }, "files", files);
const stage = (store: SecretStore) => store.stage(dest(), REPLACEMENT, R1);
const promote = async (store: SecretStore): Promise<void> => {
  await store.promote(dest(), R1, (await stage(store)).baseVersion);
};
const rollBack = (store: SecretStore) => store.rollBack(dest(), R1, REPLACEMENT.fingerprint, OUTGOING.fingerprint);
/** What every end of a rotation does, in the order of src/app/effects/clean-up.ts. */
const cleanUp = async (store: SecretStore): Promise<void> => {
  await store.discardPending(dest(), R1);
  await store.discardPrevious(dest(), R1);
};

async function freshFolder(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), "keyturn-kills-"));
  await writeFile(join(directory, "app.env"), `ANTHROPIC_API_KEY=${makeKey("kills-outgoing")}\n`);
}
const removeFolder = () => rm(directory, { recursive: true });
beforeEach(freshFolder);
afterEach(removeFolder);

/** Names beside the file; a lock that its maker died before taking is a file with a process id in it, and stops nobody. */
const beside = async (): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name !== "app.env" && !/\.keyturn-lock-[0-9a-f-]{36}$/.test(name));
async function keysBeside(): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name !== "app.env");
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return names.filter((_, i) => texts[i]?.includes("sk-ant"));
}

interface Deed {
  what: string;
  before?: (store: SecretStore) => Promise<unknown>;
  /** What a process is doing when it is killed; the next one does it again, unless it goes another way. */
  deed: (store: SecretStore) => Promise<unknown>;
  instead?: (store: SecretStore) => Promise<unknown>;
}
const DEEDS: Deed[] = [
  { what: "staging", deed: stage },
  { what: "staging, after which the hand-over is given up", deed: stage, instead: async () => undefined },
  { what: "promoting", before: stage, deed: promote },
  { what: "rolling back", before: promote, deed: rollBack },
  { what: "discarding the only pending value", before: stage, deed: (store) => store.discardPending(dest(), R1) },
  {
    what: "discarding, after which the key is staged again",
    before: stage,
    deed: (store) => store.discardPending(dest(), R1),
    instead: async (store) => {
      const again = await stage(store);
      expect((await store.readPending(dest(), R1))?.version).toBe(again.version);
    },
  },
  { what: "discarding a pending beside a previous value", before: promote, deed: cleanUp },
  {
    what: "discarding the previous value",
    before: async (store) => {
      await promote(store);
      await store.discardPending(dest(), R1);
    },
    deed: (store) => store.discardPrevious(dest(), R1),
  },
  {
    what: "removing the last marks",
    before: (store) => store.mark(dest(), MARKED),
    deed: (store) => store.mark(dest(), UNMARKED),
  },
];

describe("P3, R19: killed at any call of the file system, a later clean-up leaves nothing beside the file", () => {
  it.each(DEEDS)("while $what", { timeout: 60_000 }, async ({ before, deed, instead }) => {
    for (let calls = 0; ; calls++) {
      await removeFolder();
      await freshFolder();
      const healthy = await open();
      await before?.(healthy);
      const files = mortal(calls);
      const died = await deed(await open(files)).then(
        () => false,
        () => true,
      );
      const where = `killed before ${files.last()}, the call no. ${calls + 1}`;
      const next = await open();
      await (instead ?? deed)(next);
      await cleanUp(next);
      expect({ where, beside: await beside(), keys: await keysBeside() }).toEqual({
        where,
        beside: [],
        keys: [],
      });
      if (died) continue;
      expect(calls).toBeGreaterThan(5);
      break;
    }
  });
});
