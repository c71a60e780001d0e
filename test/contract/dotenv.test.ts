import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { SecretStore } from "../../src/ports/secret-store.ts";
import { type Files, nodeFiles } from "../../src/stores/dotenv-file/files.ts";
import { openDotenvFile } from "../../src/stores/dotenv-file/store.ts";
import { secretStoreContract } from "./secret-store.contract.ts";
import type { StoreWorld } from "./store-world.ts";

const failing = (): never => {
  throw Object.assign(new Error("input/output error"), { code: "EIO" });
};
const asyncFailing = async (): Promise<never> => failing();
const DOWN: Files = {
  open: asyncFailing,
  rename: asyncFailing,
  unlink: asyncFailing,
  link: asyncFailing,
  realpath: asyncFailing,
  readFile: asyncFailing,
  load: asyncFailing,
  exists: () => true,
};
/** Files are moved into place, but the caller is told that it failed. */
const REPLY_LOST: Files = {
  ...nodeFiles,
  rename: async (from, to) => {
    await nodeFiles.rename(from, to);
    failing();
  },
};

/** Every call runs without any right on the folder; root, who has all rights, becomes nobody for its time. */
function denied(store: SecretStore, directory: string): SecretStore {
  const root = process.geteuid?.() === 0;
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]) => {
        await chmod(directory, 0);
        if (root) process.seteuid?.(65534);
        try {
          return (await Reflect.apply(member, target, args)) as unknown;
        } finally {
          if (root) process.seteuid?.(0);
          await chmod(directory, 0o700);
        }
      };
    },
  });
}

async function world(): Promise<StoreWorld> {
  const directory = await mkdtemp(join(tmpdir(), "keyturn-dotenv-"));
  const path = (secret: string) => join(directory, secret);
  const textOf = (file: string) => readFile(file, "utf8").catch(() => "");
  return {
    async open(how) {
      const files = how === "down" ? DOWN : how === "reply_lost" ? REPLY_LOST : nodeFiles;
      const store = await openDotenvFile({ directory }, "files", files);
      return how === "denied" ? denied(store, directory) : store;
    },
    destination: (secret, field) => ({ store: "files", type: "dotenv-file", location: { directory }, secret, field }),
    async put(secret, document) {
      const lines = Object.entries(document).map(
        ([name, value]) => `${name}=${/[^\w-]/.test(value) ? `"${value}"` : value}\n`,
      );
      await writeFile(path(secret), lines.join(""));
    },
    applicationsRead: async (secret) =>
      ({ ...parseEnv(await readFile(path(secret), "utf8")) }) as Record<string, string>,
    async operatorStages(dest, value) {
      await writeFile(path(`.${dest.secret}.keyturn-pending`), `${dest.field}='${value}'`);
    },
    async tagByOthers(secret, name, value) {
      const file = path(`.${secret}.keyturn-marks`);
      await writeFile(file, `${await textOf(file)}${name}=${value}\n`);
    },
    async tagsOfOthers(secret) {
      const all = parseEnv(await textOf(path(`.${secret}.keyturn-marks`)));
      return Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith("keyturn-"))) as Record<
        string,
        string
      >;
    },
    async besides(secret) {
      const names = (await readdir(directory)).filter((name) => name.startsWith(`.${secret}.`)).toSorted();
      return (await Promise.all(names.map(async (name) => `${name}\n${await textOf(path(name))}`))).join("\n");
    },
    close: () => rm(directory, { recursive: true }),
  };
}

secretStoreContract({ name: "dotenv-file", fields: true, keepsVersions: false, conditionalWrite: false, world });
