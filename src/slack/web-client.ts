import type { Logger, WebClient, WebClientOptions } from "@slack/web-api";
import type { SecretText } from "../rotation/secret.ts";
import { fromSlack } from "./trouble.ts";

/**
 * How long a call may take and whether it is repeated by itself. `post`: never repeated, since Slack has no idempotency
 * key and a repeated post is a second message. `edit`: repeated twice. `click`: somebody waits, and Slack itself gives up
 * after 3 s.
 */
export type Patience = "post" | "edit" | "click";

const PATIENCE: Record<Patience, { timeout: number; retryConfig: { retries: number; maxTimeout?: number } }> = {
  post: { timeout: 10_000, retryConfig: { retries: 0 } },
  edit: { timeout: 8000, retryConfig: { retries: 2, maxTimeout: 5000 } },
  click: { timeout: 1800, retryConfig: { retries: 0 } },
};

/** Told of each call: `ok` or a code, never a text, and how long it took with the library's own repetitions. Must not throw. */
export type OnCall = (method: string, code: string, seconds: number) => void;

/** The Web API, reduced to what we ask of it. */
export interface SlackClient {
  /**
   * Calls a method. Repeating is as safe as the method is.
   * @throws SLACK_UNAVAILABLE the outcome is unknown, except for reason `ratelimited`: then it was not done;
   *   SLACK_REFUSED it was not done, `reason` is Slack's code
   */
  call(method: string, args: Readonly<Record<string, unknown>>, patience?: Patience): Promise<Record<string, unknown>>;
}

/**
 * A client that loads Slack's library when first used. The token is read anew for each call, so a new one needs no
 * restart. Nothing that Slack answers reaches a log or an error but its code (facts: slack.md section 2).
 * @param apiUrl another address of the Web API; null: Slack's
 */
export function createWebClient(given: {
  token: () => SecretText;
  apiUrl: string | null;
  fetch?: WebClientOptions["fetch"];
  onCall?: OnCall | undefined;
  /** For tests: shorter times. */
  timeouts?: Partial<Record<Patience, number>>;
}): SlackClient {
  const clients = new Map<Patience, Promise<WebClient>>();
  const clientFor = (patience: Patience): Promise<WebClient> => {
    const ready = clients.get(patience) ?? open(patience, given);
    clients.set(patience, ready);
    return ready;
  };
  return {
    call: async (method, args, patience = "edit") => {
      const client = await clientFor(patience);
      const token = given.token();
      const began = performance.now();
      const tell = (code: string) => given.onCall?.(method, code, (performance.now() - began) / 1000);
      try {
        const answer = await token.use((text) => client.apiCall(method, withToken(args, text)));
        tell("ok");
        return { ...answer };
      } catch (error) {
        const known = fromSlack(method, error);
        tell(known.reason ?? known.code.toLowerCase());
        throw known;
      }
    },
  };
}

/**
 * The library puts the token into a header, and whatever it can enumerate into the body as well: there a proxy that keeps
 * bodies would have it, so it is not enumerable here.
 */
const withToken = (args: Readonly<Record<string, unknown>>, token: string): Record<string, unknown> =>
  Object.defineProperty({ ...args }, "token", { value: token, enumerable: false });

async function open(patience: Patience, given: Parameters<typeof createWebClient>[0]): Promise<WebClient> {
  const { WebClient: Client, LogLevel } = (await import("@slack/web-api")).default;
  const { timeout, retryConfig } = PATIENCE[patience];
  return new Client(undefined, {
    timeout: given.timeouts?.[patience] ?? timeout,
    retryConfig,
    // On a limit its whole queue would stop; our outbox waits better.
    rejectRateLimitedCalls: true,
    // Else a method name that is an address would be sent the token.
    allowAbsoluteUrls: false,
    maxRequestConcurrency: 5,
    logger: silent(LogLevel.ERROR),
    ...(given.apiUrl === null ? {} : { slackApiUrl: given.apiUrl }),
    ...(given.fetch === undefined ? {} : { fetch: given.fetch }),
  });
}

/** Its log lines quote requests and answers; ours name codes. */
function silent(level: ReturnType<Logger["getLevel"]>): Logger {
  const nothing = () => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    setLevel: nothing,
    setName: nothing,
    getLevel: () => level,
  };
}
