import type { FileHandle } from "node:fs/promises";
import { type Files, nodeFiles } from "../../../src/stores/dotenv-file/files.ts";

/** What a killed process wrote is there without it; only a power failure is another matter. It takes most of the time. */
const noSync = async (): Promise<void> => undefined;

/**
 * The file system of a process that is killed after `calls` calls of it, those on open files included: from then on
 * nothing happens any more, whatever the dead process's `finally` blocks still try.
 */
export function mortal(calls: number): Files & { last(): string } {
  let left = calls;
  let last = "nothing";
  function alive<A extends unknown[], R>(name: string, call: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      if (left === 0) {
        if (last === "nothing") last = name;
        throw new Error("killed");
      }
      left -= 1;
      return call(...args);
    };
  }
  const handleOf = (real: FileHandle): FileHandle =>
    new Proxy(real, {
      get(owner, property) {
        const found: unknown = property === "sync" ? noSync : Reflect.get(owner, property);
        if (typeof found !== "function") return found;
        const method = alive(`${String(property)} on an open file`, (...args: unknown[]) =>
          (found as (...args: unknown[]) => unknown).apply(owner, args),
        );
        if (property !== "close") return method;
        // The system closes what a dead process had open.
        return (): unknown => (left === 0 ? owner.close().then(method) : method());
      },
    });
  return {
    open: async (...args) => handleOf(await alive("open", nodeFiles.open)(...args)),
    rename: async (...args) => alive("rename", nodeFiles.rename)(...args),
    unlink: async (...args) => alive("unlink", nodeFiles.unlink)(...args),
    link: async (...args) => alive("link", nodeFiles.link)(...args),
    realpath: async (path) => alive("realpath", nodeFiles.realpath)(path),
    readFile: async (path) => alive("readFile", nodeFiles.readFile)(path),
    load: async (path) => alive("load", nodeFiles.load)(path),
    exists: alive("exists", nodeFiles.exists),
    last: () => last,
  };
}
