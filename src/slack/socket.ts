import type { SocketModeReceiver } from "@slack/bolt";
import type { Clock } from "../ports/clock.ts";
import type { SecretText } from "../rotation/secret.ts";
import { ARRIVAL, type Arrival, boltLog, underWay } from "./handlers.ts";
import type { Ears } from "./heard.ts";
import { openApp } from "./receiver.ts";
import type { SlackClient } from "./web-client.ts";

/** In milliseconds. Bolt's 5 s without a pong close healthy connections (facts: slack.md section 6). */
const TIMES = {
  clientPingTimeout: 20_000,
  serverPingTimeout: 60_000,
  connectWithin: 30_000,
  retry: 2000,
  retryCap: 60_000,
};
type Times = typeof TIMES;
/** The part of the time to close in which clicks that came already are answered. */
const ANSWERING = 0.75;

export interface SocketInbound {
  /** Resolves when Slack has said hello for the first time; never rejects. */
  connected: Promise<void>;
  /**
   * Lets what people pressed be answered, then ends the connection; at most so many milliseconds, since the library takes
   * its time. Safe to repeat.
   */
  close(leftMs: number): Promise<void>;
}

/**
 * The same handlers over Socket Mode, for clusters without ingress. Returns at once: a Slack that is away must not keep
 * rotations from going on, so connecting is tried until it works.
 * @param given.apiUrl another address of the Web API; null: Slack's
 */
export async function openSocketInbound(given: {
  ears: Ears;
  client: SlackClient;
  appToken: SecretText;
  apiUrl: string | null;
  clock: Pick<Clock, "sleep">;
  /** Told at the start and whenever it changes. Must not throw. */
  onConnected?: (connected: boolean) => void;
  times?: Partial<Times>;
}): Promise<SocketInbound> {
  const { ears } = given;
  const times = { ...TIMES, ...given.times };
  const { SocketModeReceiver: Receiver, LogLevel } = await import("@slack/bolt");
  const receiver = given.appToken.use(
    (appToken) =>
      new Receiver({
        appToken,
        clientPingTimeout: times.clientPingTimeout,
        serverPingTimeout: times.serverPingTimeout,
        // Its own reconnect waits as long as a ping may take, and ends the process when Slack refuses the token.
        autoReconnectEnabled: false,
        logger: boltLog(ears.log, LogLevel.ERROR),
        installerOptions: {
          clientOptions: {
            timeout: 10_000,
            retryConfig: { retries: 0 },
            rejectRateLimitedCalls: true,
            ...(given.apiUrl === null ? {} : { slackApiUrl: given.apiUrl }),
          },
        },
        // An envelope has no signature to be replayed; the same action in two envelopes is the guard's other half.
        customPropertiesExtractor: () => ({
          [ARRIVAL]: { since: performance.now(), request: "first" } satisfies Arrival,
        }),
      }),
  );
  const answers = underWay();
  await openApp(receiver, ears, given.client, answers);
  const ending = new AbortController();
  const first = Promise.withResolvers<void>();
  const staying = stayConnected(receiver, ears, times, given.clock, ending.signal, (connected) => {
    if (connected) first.resolve();
    given.onConnected?.(connected);
  });
  return {
    connected: first.promise,
    close: async (leftMs) => {
      const before = performance.now();
      await within(leftMs * ANSWERING, answers.idle());
      ending.abort();
      const left = Math.max(0, leftMs - (performance.now() - before));
      await within(left, Promise.all([receiver.client.disconnect(), staying]));
    },
  };
}

/** Connects, and again whenever the connection ends, which Slack does every few hours. Never rejects. */
async function stayConnected(
  receiver: SocketModeReceiver,
  ears: Ears,
  times: Times,
  clock: Pick<Clock, "sleep">,
  ending: AbortSignal,
  onConnected: (connected: boolean) => void,
): Promise<void> {
  onConnected(false);
  for (let failures = 0; !ending.aborted;) {
    const gone = new Promise<void>((resolve) => receiver.client.once("disconnected", () => resolve()));
    try {
      const started = await within(times.connectWithin, receiver.start());
      if (started === LATE) throw new Error("late");
      failures = 0;
      onConnected(true);
      ears.log.info({ event: "slack.connected" }, "clicks come over Socket Mode");
      await gone;
      onConnected(false);
      if (!ending.aborted) ears.log.info({ event: "slack.disconnected" }, "Socket Mode ended; connecting again");
    } catch (error) {
      if (ending.aborted) return;
      ears.log.error({ event: "slack.connect_failed", reason: reasonOf(error) }, "Socket Mode cannot connect");
      void receiver.client.disconnect().catch(() => undefined);
      await clock.sleep(Math.min(times.retryCap, times.retry * 2 ** failures++), ending).catch(() => undefined);
    }
  }
}

const LATE = Symbol("late");

/** What the work returns, or LATE; the work goes on, and its failure then is nobody's. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | typeof LATE> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Slack's code such as `invalid_auth`; never a text. */
function reasonOf(error: unknown): string | null {
  const data: unknown = error instanceof Error && "data" in error ? error.data : null;
  const code: unknown = typeof data === "object" && data !== null && "error" in data ? data.error : null;
  return typeof code === "string" && /^[a-z_]{1,60}$/.test(code) ? code : null;
}
