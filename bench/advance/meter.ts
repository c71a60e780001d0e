import { profile } from "../lib/profile.ts";
import { withRedis } from "../lib/processes.ts";

export interface AdvanceMeasured {
  wallMs: number;
  cpuMs: number;
  moves: number;
  /** Redis: commands, those that scripts run included; bytes over its connections and in its memory. */
  commands: number;
  bytesIn: number;
  bytesOut: number;
  bytesKept: number;
}

export interface Started {
  /** Resolves when the jobs that come after the end are done too: their commands belong to the rotation. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Prints what it takes from `start` until `done` was called `wanted` times. */
export async function meter(
  redisUrl: string,
  wanted: number,
  start: (done: () => void, moved: () => void) => Promise<Started>,
): Promise<void> {
  await withRedis(redisUrl, async (redis) => {
    const stopProfile = await profile();
    const before = numbersOf(await redis.info("everything"));
    const cpu = process.cpuUsage();
    const started = performance.now();
    const ended = Promise.withResolvers<void>();
    let left = wanted;
    let moves = 0;
    const done = () => {
      left -= 1;
      if (left === 0) ended.resolve();
    };
    const running = await start(done, () => (moves += 1));
    await ended.promise;
    const wallMs = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    await stopProfile();
    await running.idle();
    const after = numbersOf(await redis.info("everything"));
    await running.stop();
    const measured: AdvanceMeasured = {
      wallMs,
      cpuMs: (user + system) / 1000,
      moves,
      commands: after.commands - before.commands,
      bytesIn: after.bytesIn - before.bytesIn,
      bytesOut: after.bytesOut - before.bytesOut,
      bytesKept: after.memory - before.memory,
    };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
  });
}

function numbersOf(info: string) {
  const one = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  return {
    commands: one("total_commands_processed"),
    bytesIn: one("total_net_input_bytes"),
    bytesOut: one("total_net_output_bytes"),
    memory: one("used_memory"),
  };
}
