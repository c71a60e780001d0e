import type { Clock } from "../ports/clock.ts";
import type { SecretText } from "../rotation/secret.ts";
import { ARRIVAL, type Arrival, boltLog } from "./handlers.ts";
import type { Ears } from "./heard.ts";
import { openApp } from "./receiver.ts";
import type { SlackClient } from "./web-client.ts";

/** Bolt's 5 s without a pong close healthy connections; the reconnect waits as long as this too (facts: section 6). */
const TIMES = { clientPingTimeout: 10_000, serverPingTimeout: 60_000, retryMs: 10_000 };

export interface SocketInbound {
  /** Ends the connection; at most so many milliseconds, since the library takes its time. Safe to repeat. */
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
  times?: Partial<typeof TIMES>;
}): Promise<SocketInbound> {
  const { ears } = given;
  const { retryMs, ...pings } = { ...TIMES, ...given.times };
  const { SocketModeReceiver, LogLevel } = await import("@slack/bolt");
  const clientOptions = given.apiUrl === null ? {} : { slackApiUrl: given.apiUrl };
  const receiver = given.appToken.use(
    (appToken) =>
      new SocketModeReceiver({
        appToken,
        ...pings,
        logger: boltLog(ears.log, LogLevel.ERROR),
        installerOptions: { clientOptions },
        // An envelope has no signature to be replayed; the same action in two envelopes is the guard's other half.
        customPropertiesExtractor: () => ({
          [ARRIVAL]: { since: performance.now(), request: "first" } satisfies Arrival,
        }),
      }),
  );
  await openApp(receiver, ears, given.client);
  const ending = new AbortController();
  void connect(async () => void (await receiver.start()), {
    ears,
    retryMs,
    sleep: given.clock.sleep,
    ending: ending.signal,
  });
  return {
    close: async (leftMs) => {
      if (ending.signal.aborted) return;
      ending.abort();
      const gone = receiver.client.disconnect().catch(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([gone, new Promise((resolve) => (timer = setTimeout(resolve, leftMs)))]);
      clearTimeout(timer);
    },
  };
}

async function connect(
  start: () => Promise<void>,
  { ears, retryMs, sleep, ending }: { ears: Ears; retryMs: number; sleep: Clock["sleep"]; ending: AbortSignal },
): Promise<void> {
  while (!ending.aborted) {
    try {
      await start();
      ears.log.info({ event: "slack.connected" }, "clicks come over Socket Mode");
      return;
    } catch (error) {
      ears.log.error({ event: "slack.connect_failed", reason: reasonOf(error) }, "Socket Mode cannot connect");
      await sleep(retryMs, ending).catch(() => undefined);
    }
  }
}

/** Slack's code such as `invalid_auth`; never a text. */
function reasonOf(error: unknown): string | null {
  const data: unknown = error instanceof Error && "data" in error ? error.data : null;
  const code: unknown = typeof data === "object" && data !== null && "error" in data ? data.error : null;
  return typeof code === "string" && /^[a-z_]{1,60}$/.test(code) ? code : null;
}
