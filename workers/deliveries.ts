import type { Clock } from "../src/ports/clock.ts";
import type { Log } from "../src/ports/notifier.ts";
import type { Outbox } from "../src/ports/outbox.ts";
import { asKeyturnError } from "../src/rotation/errors.ts";

export interface DeliveriesOptions {
  outbox: Pick<Outbox, "due">;
  /** Tells people about one rotation and settles the entry; busy: another process does. */
  deliver: (entry: { id: string; stamp: string }) => Promise<"delivered" | "busy">;
  /** Adds what was lost. */
  sweep: () => Promise<unknown>;
  /** Tells the other processes every 20 s that this one is there, and at its end that it is not. */
  presence?: { beat(): Promise<void>; leave(): Promise<void> };
  clock: Clock;
  log: Log;
  /** Milliseconds; tests shorten them. */
  pollMs?: number;
  sweepMs?: number;
}

export interface Deliveries {
  /** Looks now: something was added in this process. */
  nudge(): void;
  /** Starts no more deliveries and waits for the running ones, at most so long; what is left stays due. Safe to repeat. */
  stop(deadlineMs: number): Promise<void>;
}

const POLL_MS = 2000;
const SWEEP_MS = 60_000;
const BEAT_MS = 20_000;
/** Rotations that people are told about at a time. */
const AT_ONCE = 5;
/** Entries looked at for those places: some are another process's at the moment. */
const MOST = 50;

/** Delivers what is due, at once when nudged and every 2 s, and sweeps at the start and every 60 s. Runs in every `serve`. */
export function startDeliveries(options: DeliveriesOptions): Deliveries {
  const { outbox, clock, log } = options;
  const pollMs = options.pollMs ?? POLL_MS;
  const running = new Map<string, Promise<void>>();
  /** Entries that stay due for a while: another process's, and those that failed. */
  const later = new Map<string, number>();
  const stopping = new AbortController();
  const [sayOfBeat, sayOfSweep, sayOfLook, sayOfOne] = [once(log), once(log), once(log), once(log)];
  let pause = new AbortController();
  const nudge = () => pause.abort();
  stopping.signal.addEventListener("abort", nudge);

  const start = (entry: { id: string; stamp: string }) => {
    const work = options
      .deliver(entry)
      .then((end) => {
        sayOfOne(null);
        if (end === "busy") later.set(entry.id, clock.now() + pollMs);
      })
      .catch((error: unknown) => {
        sayOfOne(asKeyturnError(error).code);
        later.set(entry.id, clock.now() + pollMs);
      })
      .finally(() => {
        running.delete(entry.id);
        nudge();
      });
    running.set(entry.id, work);
  };
  const look = async () => {
    const now = clock.now();
    for (const [id, at] of later) if (at <= now) later.delete(id);
    if (running.size >= AT_ONCE) return;
    const rows = await outbox.due(now, MOST);
    const free = rows.filter((row) => !running.has(row.id) && !later.has(row.id));
    if (!stopping.signal.aborted) for (const row of free.slice(0, AT_ONCE - running.size)) start(row);
  };
  const loop = async () => {
    let sweepAt = clock.now();
    let beatAt = sweepAt;
    while (!stopping.signal.aborted) {
      pause = new AbortController();
      if (options.presence !== undefined && clock.now() >= beatAt) {
        beatAt = clock.now() + BEAT_MS;
        await trying(options.presence.beat, sayOfBeat);
      }
      if (clock.now() >= sweepAt) {
        sweepAt = clock.now() + (options.sweepMs ?? SWEEP_MS);
        await trying(options.sweep, sayOfSweep);
      }
      await trying(look, sayOfLook);
      if (!stopping.signal.aborted) await clock.sleep(pollMs, pause.signal).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    nudge,
    stop: async (deadlineMs) => {
      stopping.abort();
      await done;
      await within(deadlineMs, Promise.all(running.values()));
      if (options.presence !== undefined) await trying(options.presence.leave, sayOfBeat);
    },
  };
}

/**
 * For `run-once`: one sweep, then everything that is due now, each entry once. What fails is the next run's.
 * @param deadlineMs in all
 */
export async function deliverOnce(
  options: Pick<DeliveriesOptions, "outbox" | "deliver" | "sweep" | "clock" | "log"> & {
    /** False: a `serve` is there, and everything is left to it. Absent: alone. */
    alone?: () => Promise<boolean>;
  },
  deadlineMs: number,
): Promise<void> {
  const until = options.clock.now() + deadlineMs;
  const tried = new Set<string>();
  try {
    if (options.alone !== undefined && !(await options.alone())) return;
    await options.sweep();
    while (options.clock.now() < until) {
      const rows = await options.outbox.due(options.clock.now(), MOST);
      const fresh = rows.filter((row) => !tried.has(`${row.id} ${row.stamp}`)).slice(0, AT_ONCE);
      if (fresh.length === 0) return;
      for (const row of fresh) tried.add(`${row.id} ${row.stamp}`);
      await Promise.allSettled(fresh.map((row) => options.deliver(row)));
    }
  } catch (error) {
    once(options.log)(asKeyturnError(error).code);
  }
}

async function trying(work: () => Promise<unknown>, say: (code: string | null) => void): Promise<void> {
  try {
    await work();
    say(null);
  } catch (error) {
    say(asKeyturnError(error).code);
  }
}

/** Says a trouble once, until it is over or another. */
function once(log: Log): (code: string | null) => void {
  let said: string | null = null;
  return (code) => {
    if (code !== null && code !== said)
      log.warn({ event: "deliveries.failed", code }, "people cannot be told at the moment; it is tried again");
    said = code;
  };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
