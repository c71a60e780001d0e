import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { AuditEntry } from "../../src/ports/audit.ts";
import { type Process, type Server, type StartServer, aDraft, aFolder, aProcess, testClock } from "../redis/harness.ts";

/** One server for a suite; for each test an empty Redis, a folder with the sink, and processes that end with it. */
export function aWorld(start: StartServer) {
  const running: Process[] = [];
  const folder = { path: "", remove: async () => {} };
  const place = { file: "" };
  const clock = testClock();
  let server: Server;
  const world = {
    clock,
    /** The sink of this test. */
    get file(): string {
      return place.file;
    },
    server: (): Server => server,
    folder: () => folder.path,
    process: (path?: string | null): Process => {
      const made = aProcess(server.connect(), path === undefined ? place.file : path, "kt", clock);
      running.push(made);
      return made;
    },
    /** A process of another host, as a new pod is one, on the same file. */
    onHost: (host: string): Process => {
      const made = aProcess(server.connect(), place.file, "kt", clock, host);
      running.push(made);
      return made;
    },
    /** A command in a terminal: nobody keeps what it logs. */
    inTerminal: (): Process => {
      const made = aProcess(server.connect(), null, "kt", clock, "host-of-the-tests", false);
      running.push(made);
      return made;
    },
    /** Commits to Redis, but dies before it hands the entry to any sink. */
    crashing: (): Process => aProcess(server.connect(), null, "kt", clock),
    /** Ends the test's processes as a command ends. */
    endAll: async (): Promise<void> => {
      for (const process of running.splice(0)) await process.trail.close();
    },
    lines: async (): Promise<AuditEntry[]> =>
      (await readFile(place.file, "utf8"))
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as AuditEntry),
    rewrite: async (change: (lines: string[]) => string[]): Promise<void> => {
      const old = (await readFile(place.file, "utf8")).split("\n").filter(Boolean);
      await writeFile(
        place.file,
        change(old)
          .map((line) => `${line}\n`)
          .join(""),
      );
    },
    append: (to: Process, count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, (_, n) => to.trail.append([aDraft({ evidence: { n } })]))),
  };
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    server.connect();
    await server.flush();
    Object.assign(folder, await aFolder());
    place.file = join(folder.path, "audit.jsonl");
    clock.at = testClock().at;
  });
  afterEach(async () => {
    await world.endAll();
    await folder.remove();
  });
  return world;
}
