import { openRotations } from "./app/find.ts";
import type { App } from "./compose.ts";
import type { LoadedConfig } from "../config/load.ts";
import { KeyturnError } from "./rotation/errors.ts";
import type { Rotation } from "./rotation/record.ts";
import { STATES } from "./rotation/states.ts";
import type { SlackWayIn } from "./slack-inbound.ts";
import type { Deliveries } from "../workers/deliveries.ts";
import { startReconciler } from "../workers/reconciler.ts";
import type { RotationWorker } from "../workers/rotation-worker.ts";

/** How a wait ended: the time was up, nobody had anything to decide any more, or the process was asked to end. */
export interface Waited {
  ms: number;
  because: "time" | "nobody" | "signal";
}

/** The time in which `run-once` hears people: their clicks come over Socket Mode, and cards have buttons (R21). */
export interface Listening {
  /** Tells people from now on, with buttons as soon as clicks can be heard. */
  tell(): void;
  /** Returns after so many milliseconds, when no open rotation waits for a person any more, or at the signal. */
  wait(ms: number, worker: RotationWorker, signal: AbortSignal | undefined): Promise<Waited>;
  /**
   * Takes the buttons away, hears what was pressed until then, and only then stops listening. Bounded by 40 s, and by 13 s
   * once the signal came. Safe to repeat.
   */
  end(signal: AbortSignal | undefined): Promise<void>;
}

/** A connection to Slack takes less than a second; without one after this, cards name the commands (milliseconds). */
const CONNECT_MS = 15_000;
/** Said every 20 s; a run that was killed keeps the next one from taking its buttons away for so long (milliseconds). */
const THERE_MS = 45_000;
const LOOK_EVERY_MS = 500;
/** Deliveries under way; taking the buttons away; until the new card is on people's screens; answers under way (milliseconds). */
const END_MS = { deliveries: 3000, buttons: 30_000, screens: 1500, answers: 3000 };
/** Taking the buttons away after a signal: what is left is said by the next run (milliseconds). */
const HURRIED_MS = 5000;

/**
 * The configuration as it is for a process without pages: nothing listens at `http.publicUrl`, so no card and no message
 * leads there, and keys come from a terminal or from the secrets manager.
 */
export function withoutPages({ config, settings, ...rest }: LoadedConfig): LoadedConfig {
  const { publicUrl: _none, ...http } = config.http;
  return {
    ...rest,
    config: { ...config, http, signIn: { sessionFor: config.signIn.sessionFor } },
    settings: { ...settings, publicUrl: null, linksNeedSignIn: false },
  };
}

/** @throws CONFIG_INVALID (78) without Socket Mode, or when its token cannot be read */
export function requireSocketMode({ config }: LoadedConfig): void {
  if (config.slack?.appToken !== undefined) return;
  throw new KeyturnError(
    "CONFIG_INVALID",
    `(run-once --wait: ${config.slack === undefined ? "there is no slack section" : "slack.appToken is not set"}, so nobody would hear a click while it waits)`,
    { next: "Set slack.appToken (Socket Mode, docs/slack.md), or leave --wait out: messages then name the commands." },
  );
}

/** Connects to Slack; the worker and the scan are the caller's. @throws CONFIG_INVALID */
export async function startListening(app: App): Promise<Listening> {
  requireSocketMode(app.loaded);
  const { clock, log } = app.deps;
  // Loaded only where it is used: it is a good part of what a command loads.
  const { openSlackWayIn } = await import("./slack-inbound.ts");
  const way = await openSlackWayIn(app);
  let deliveries: Deliveries | null = null;
  let ended: Promise<void> | null = null;
  const tellWithButtons = () => {
    // A `serve` has pages and ears of its own: cards are its matter then.
    if (ended !== null) return;
    const aside = () => app.attendance.serveIsThere();
    deliveries ??= app.announcer.start(app.deps, { aside, thereMs: THERE_MS });
  };
  const end = async (signal: AbortSignal | undefined): Promise<void> => {
    await deliveries?.stop(END_MS.deliveries);
    if (deliveries !== null) {
      await shortened(app.announcer.once(app.deps, END_MS.buttons), END_MS.buttons, HURRIED_MS, signal);
      await clock.sleep(END_MS.screens);
    }
    await close(way);
  };
  return {
    tell: () => {
      void way.connected?.then(tellWithButtons);
      void tellAnyway(app, way);
    },
    wait: async (ms, worker, signal) => {
      const reconciler = startReconciler({
        rotations: app.deps.rotations,
        wakeups: app.queue,
        clock,
        log,
        isWorkingOn: (id) => worker.isWorkingOn(id),
      });
      log.info({ event: "run_once.waiting", waitMs: ms }, "waiting for people: clicks come over Socket Mode");
      try {
        const waited = await untilOver(app, ms, signal);
        log.info({ event: "run_once.wait_ended", ...waited }, "no more waiting for people");
        return waited;
      } finally {
        await reconciler.stop();
      }
    },
    end: (signal) => (ended ??= end(signal)),
  };
}

async function untilOver(app: App, ms: number, signal: AbortSignal | undefined): Promise<Waited> {
  const { clock } = app.deps;
  const from = clock.now();
  const over = (because: Waited["because"]): Waited => ({ ms: clock.now() - from, because });
  for (;;) {
    if (signal?.aborted === true) return over("signal");
    const left = from + ms - clock.now();
    if (left <= 0) return over("time");
    // A Redis that is away for a moment ends nothing: people are still heard.
    const open = await openRotations(app.deps).catch(() => null);
    if (open !== null && !open.some(mayNeedAPerson)) return over("nobody");
    await clock.sleep(Math.min(LOOK_EVERY_MS, left), signal).catch(() => undefined);
  }
}

/** Also what is being worked on: it may come back to a person. A rotation that waits for a time alone does not. */
const mayNeedAPerson = (r: Rotation): boolean => r.attention !== null || STATES[r.state] !== "clock";

/** Slack takes no connection, but perhaps messages: people get the commands, and buttons once clicks can be heard. */
async function tellAnyway(app: App, way: SlackWayIn): Promise<void> {
  const { clock, log } = app.deps;
  let connected = false;
  void way.connected?.then(() => (connected = true));
  for (const until = clock.now() + CONNECT_MS; !connected && clock.now() < until;) await clock.sleep(100);
  if (connected) return;
  log.warn({ event: "run_once.not_heard" }, "Socket Mode does not connect: cards name the commands until it does");
  await app.announcer.once(app.deps, CONNECT_MS);
}

async function close(way: SlackWayIn): Promise<void> {
  for (const part of way.parts) await part.close(END_MS.answers).catch(() => undefined);
}

/** Waits for `work`: so long, and so long from the signal on. What is left behind is safe. Never throws. */
export async function shortened(
  work: Promise<unknown>,
  ms: number,
  hurriedMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  let onAbort = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    onAbort = () => void timers.push(setTimeout(resolve, hurriedMs));
    timers.push(setTimeout(resolve, ms));
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
  await Promise.race([work.catch(() => undefined), late]);
  for (const timer of timers) clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
}
