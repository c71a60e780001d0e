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
import { type Deliveries, deliverOnce, startDeliveries } from "../workers/deliveries.ts";

/** How people and programs are told: the notifier that use cases call, and the work behind it. */
export interface Announcer {
  notifier: Notifier;
  /** Before anything starts. @throws CONFIG_INVALID when a secret is missing or unfit */
  check(): void;
  /** Delivers until stopped; null when nobody is to be told. */
  start(deps: Deps): Deliveries | null;
  /** One pass over what is due, for `run-once`. */
  once(deps: Deps, limitMs: number): Promise<void>;
}

interface Given {
  config: Config;
  /** Beside the webhooks. */
  channels: readonly Channel[];
  outbox: Outbox;
  clock: Clock;
  log: Log;
}

/** Without any channel nothing is put into the outbox: then only the log tells. */
export function createAnnouncer(given: Given): Announcer {
  const { config, outbox, clock, log } = given;
  const channels = [...given.channels, ...webhooks(given)];
  const first = logNotifier(log);
  if (channels.length === 0)
    return { notifier: first, check: () => undefined, start: () => null, once: () => Promise.resolve() };
  let running: Deliveries | null = null;
  const work = (deps: Deps) => {
    const announcing: Announcing = { deps, outbox, channels, random: Math.random, said: new Map() };
    return {
      outbox,
      deliver: (entry: { id: string; stamp: string }) => deliver(announcing, entry),
      sweep: () => sweep(deps, outbox),
      clock,
      log,
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
    start: (deps) => (running = startDeliveries(work(deps))),
    once: (deps, limitMs) => deliverOnce(work(deps), limitMs),
  };
}

const webhooks = ({ config, log, clock }: Given): Channel[] =>
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
    }),
  );
