import { type FSWatcher, statSync, watch } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Chronicle, NEIGHBOUR, type Place, digestOf } from "./places.ts";

/** Dotenv files in one folder; the history comes from watching it. Files have no faults of their own. */
export function filePlace(name: string, directory: string, chronicle: Chronicle): Place {
  const files = new Set<string>();
  const reading = new Map<string, Promise<void>>();

  async function record(file: string): Promise<void> {
    const text = await readFile(join(directory, file), "utf8").catch(() => null);
    if (text === null) return;
    const { ctimeMs } = statSync(join(directory, file));
    const companion = await readFile(join(directory, `.${file}.keyturn-pending`), "utf8").catch(() => "");
    const pending = companion
      .split("\n")
      .filter((line) => !line.startsWith("#") && !line.includes(".previous."))
      .flatMap((line) => line.match(/sk-ant-[A-Za-z0-9_-]+/g) ?? [])
      .map(digestOf);
    const key = keyIn(text);
    const before = chronicle.states.findLast((state) => state.store === name && state.secret === file);
    const changed = before === undefined || before.current[FIELD] !== digestOf(key);
    chronicle.note({
      at: changed ? Math.min(Date.now(), Math.floor(ctimeMs)) : Date.now(),
      store: name,
      secret: file,
      current: { [FIELD]: digestOf(key) },
      rest: digestOf(text.replace(key, "")),
      pending,
    });
  }

  const look = (file: string): void => {
    const next = (reading.get(file) ?? Promise.resolve()).then(() => record(file)).catch(() => undefined);
    reading.set(file, next);
  };
  const watcher: FSWatcher = watch(directory, (_event, touched) => {
    const file = /^\.?(.+?\.env)(\.keyturn-pending)?$/.exec(touched ?? "")?.[1];
    if (file !== undefined && files.has(file)) look(file);
  });
  return {
    config: { type: "dotenv-file", directory },
    faults: [],
    create: async (secret, keys) => {
      await writeFile(join(directory, secret), `${NEIGHBOUR.name}=${NEIGHBOUR.value}\n${FIELD}=${keys[FIELD]}\n`, {
        mode: 0o600,
      });
      // Watched from now on: half of the first write is no state.
      files.add(secret);
      await record(secret);
    },
    read: async ({ secret }) => keyIn(await readFile(join(directory, secret), "utf8")),
    stage: null,
    fault: () => undefined,
    close: async () => {
      watcher.close();
      await Promise.all(reading.values());
    },
  };
}

const FIELD = "ANTHROPIC_API_KEY";
const keyIn = (text: string): string => /^ANTHROPIC_API_KEY=(.*)$/m.exec(text)?.[1] ?? "";
