import { Session } from "node:inspector/promises";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

/** With BENCH_PROFILE=<folder>: writes a CPU profile of what is measured, for the developer tools of a browser. */
export async function profile(): Promise<() => Promise<void>> {
  const folder = process.env["BENCH_PROFILE"];
  if (folder === undefined) return async () => undefined;
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  return async () => {
    const { profile: found } = await session.post("Profiler.stop");
    const name = basename(process.argv[1] ?? "").replace(".ts", "");
    await writeFile(join(folder, `${name}-${process.pid}.cpuprofile`), JSON.stringify(found));
    session.disconnect();
  };
}
