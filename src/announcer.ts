import { resolveSecret } from "../config/secrets.ts";
import type { Config } from "../config/schema.ts";
import { type Announcing, deliver } from "./app/announce/deliver.ts";
import { sweep } from "./app/announce/sweep.ts";
import type { Deps } from "./app/deps.ts";
import { logNotifier } from "./notify/log-notifier.ts";
import { outboxNotifier } from "./notify/outbox-notifier.ts";
import { checkSecret } from "./notify/signature.ts";
import { createWebhookChannel } from "./notify/webhook-channel.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log, Notifier } from "./ports/notifier.ts";
import type { Channel, Outbox } from "./ports/outbox.ts";
import type { Presence } from "./ports/presence.ts";
import { type Deliveries, deliverOnce, startDeliveries } from "../workers/deliveries.ts";

/** How people and programs are told: the notifier that use cases call, and the work behind it. */
export interface Announcer {
  notifier: Notifier;
  /** Before anything starts. @throws CONFIG_INVALID when a secret is missing or unfit */
  check(): void;
  /**
   * Delivers until stopped; null when nobody is to be told.
   * @param given.aside asked before each delivery: whether it is to be left to another process
   * @param given.thereMs after a sudden death others count this process as there for so long; absent: as a `serve`
   */
  start(deps: Deps, given?: { aside: () => Promise<boolean>; thereMs: number }): Deliveries | null;
  /** One pass over what is due, for `run-once`; nothing when a `serve` is there to do it. */
  once(deps: Deps, limitMs: number): Promise<void>;
}

interface Given {
  config: Config;
  /** Beside the webhooks. */
  channels: readonly Channel[];
  outbox: Outbox;
  presence: Presence;
  clock: Clock;
  log: Log;
  /** Told of each request to a webhook. */
  onPost?: (webhook: string, code: string, seconds: number) => void;
}

/** Without any channel nothing is put into the outbox: then only the log tells. */
export function createAnnouncer(given: Given): Announcer {
  const { config, outbox, presence, clock, log } = given;
  const channels = [...given.channels, ...webhooks(given)];
  const first = logNotifier(log);
  if (channels.length === 0)
    return { notifier: first, check: () => undefined, start: () => null, once: () => Promise.resolve() };
  let running: Deliveries | null = null;
  const work = (deps: Deps, clicksReach: boolean) => {
    const announcing: Announcing = { deps, outbox, channels, clicksReach, random: Math.random, said: new Map() };
    let swept = false;
    return {
      outbox,
      deliver: (entry: { id: string; stamp: string }) => deliver(announcing, entry),
      // At the start every open card is looked at: whether its buttons are heard may have changed (R21).
      sweep: async () => {
        await sweep(deps, outbox, !swept);
        swept = true;
      },
      clock,
      log,
    };
  };
  const onceFor = (deps: Deps) => {
    const once = work(deps, false);
    const alone = async () => !(await presence.isThere());
    return {
      ...once,
      // Asked each time: a `serve` may have started meanwhile, and brings the buttons back.
      deliver: async (entry: { id: string; stamp: string }) => ((await alone()) ? once.deliver(entry) : "busy"),
      alone,
    };
  };
  return {
    notifier: outboxNotifier({ first, outbox, clock, log, nudge: () => running?.nudge() }),
    check: () => {
      if (config.slack !== undefined) resolveSecret(config.slack.botToken, "slack.botToken");
      for (const [name, { secret }] of Object.entries(config.webhooks)) {
        const path = `webhooks.${name}.secret`;
        checkSecret(resolveSecret(secret, path), path);
      }
    },
    start: (deps, given) => {
      const all = work(deps, true);
      const deliver: typeof all.deliver = async (entry) =>
        given !== undefined && (await given.aside()) ? "busy" : all.deliver(entry);
      const there = { beat: () => presence.beat(given?.thereMs), leave: () => presence.leave() };
      return (running = startDeliveries({ ...all, deliver, presence: there }));
    },
    once: (deps, limitMs) => deliverOnce(onceFor(deps), limitMs),
  };
}

const webhooks = ({ config, log, clock, onPost }: Given): Channel[] =>
  Object.entries(config.webhooks).map(([name, { url, secret, only }]) =>
    createWebhookChannel({
      name,
      url,
      only,
      // Read again for each request, so that a replaced secret is picked up.
      secret: () => resolveSecret(secret, `webhooks.${name}.secret`),
      publicUrl: config.http.publicUrl?.replace(/\/$/, "") ?? null,
      log,
      random: Math.random,
      now: () => clock.now(),
      ...(onPost === undefined ? {} : { onPost: (code, seconds) => onPost(name, code, seconds) }),
    }),
  );
