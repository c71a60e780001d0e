import type { Log } from "../ports/notifier.ts";
import type { Channel, ChannelMemory } from "../ports/outbox.ts";
import { type About, aboutOf } from "../rotation/about.ts";
import { pauseAfter } from "../rotation/backoff.ts";
import type { Instant } from "../rotation/record.ts";
import { type Happening, happenings, isAboutAttention, messageOf } from "./webhook-message.ts";
import { type PostEnd, type PostOptions, post } from "./webhook-post.ts";

export interface WebhookOptions extends Omit<PostOptions, "timeoutMs"> {
  /** Its name in the configuration. */
  name: string;
  only: "all" | "attention";
  publicUrl: string | null;
  log: Log;
  /** 0 ≤ random < 1, to spread retries. */
  random: () => number;
  /** Milliseconds since 1970: requests take time, and their timestamps are looked at. */
  now: () => Instant;
  timeoutMs?: number;
  /** Told of each request and how long it took. Must not throw. */
  onPost?: (code: string, seconds: number) => void;
}

/** What a webhook remembers of a rotation. */
interface Told {
  /** Id of the last happening that was delivered or given up. */
  last: string | null;
  failing: { since: Instant; attempts: number; nextAt: Instant } | null;
  /** The receiver said that it is gone. */
  stopped: boolean;
}

const TIMEOUT_MS = 10_000;
/** In one delivery, so that one rotation does not keep others waiting. */
const MOST_AT_ONCE = 20;
const DAY_MS = 86_400_000;
/** How long a message is tried, and how far apart the tries are at the end (milliseconds). */
const PATIENCE = {
  refused: { total: DAY_MS, first: 60_000, longest: 3_600_000 },
  unavailable: { total: 3 * DAY_MS, first: 1000, longest: 5 * 60_000 },
} as const;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Tells another program by one signed POST per entry of a rotation's history, in order: the next only when the one before
 * was taken or given up. Never throws for what the receiver does; says each trouble once.
 */
export function createWebhookChannel(options: WebhookOptions): Channel {
  const say = troubles(options);
  return {
    name: `webhook:${options.name}`,
    deliver: async (bulletin, memory, remember) => {
      let told = readMemory(memory);
      if (told.stopped) return { nextAt: null };
      if (told.failing !== null && told.failing.nextAt > options.now()) return { nextAt: told.failing.nextAt };
      const keep = async (next: Partial<Told>) => {
        told = { ...told, ...next };
        await remember({ ...told });
      };
      const about = aboutOf(bulletin.rotation);
      for (const [n, happening] of untold(options, happenings(bulletin.rotation), told.last).entries()) {
        if (n === MOST_AT_ONCE) return { nextAt: options.now() };
        const body = JSON.stringify(messageOf(happening, bulletin, options.publicUrl));
        const now = options.now();
        const began = performance.now();
        const end = await post({ timeoutMs: TIMEOUT_MS, ...options }, happening.id, body, now);
        options.onPost?.("code" in end ? end.code.toLowerCase() : end.end, (performance.now() - began) / 1000);
        say(end, about);
        if (end.end === "gone") {
          await keep({ stopped: true, failing: null });
          return { nextAt: null };
        }
        if (end.end === "delivered") {
          await keep({ last: happening.id, failing: null });
          continue;
        }
        const since = told.failing?.since ?? now;
        if (isTooOld(end, happening, since, now)) {
          options.log.warn(
            { event: "webhook.skipped", webhook: options.name, ...about, message: happening.id, code: end.code },
            "a message that the webhook never took is given up",
          );
          await keep({ last: happening.id });
          continue;
        }
        const attempts = (told.failing?.attempts ?? 0) + 1;
        const nextAt = now + pauseOf(end, attempts, options.random());
        await keep({ failing: { since, attempts, nextAt } });
        return { nextAt };
      }
      return { nextAt: null };
    },
  };
}

function readMemory(memory: ChannelMemory | null): Told {
  const none: Told = { last: null, failing: null, stopped: false };
  return memory === null ? none : { ...none, ...(memory as Partial<Told>) };
}

/** All of them when the last one told is not there any more: the receiver knows those it has by their ids. */
function untold({ only }: WebhookOptions, all: readonly Happening[], last: string | null): Happening[] {
  const rest = all.slice(all.findIndex((h) => h.id === last) + 1);
  return only === "all" ? rest : rest.filter(isAboutAttention);
}

type Failed = Extract<PostEnd, { code: string }>;

/** Given up once both the trouble and the message are older than our patience: what is behind it gets its own time. */
function isTooOld(end: Failed, h: Happening, since: Instant, now: Instant): boolean {
  const { total } = PATIENCE[end.end];
  return now - since >= total && now - h.entry.at >= total;
}

function pauseOf(end: Failed, attempts: number, random: number): number {
  const { first, longest } = PATIENCE[end.end];
  const asked = end.end === "unavailable" ? Math.min(end.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS) : 0;
  return Math.max(asked, pauseAfter(attempts, random, first, longest));
}

/** One line per trouble of the webhook, not per rotation and try. */
function troubles({ name, log }: WebhookOptions): (end: PostEnd, about: About) => void {
  let said: string | null = null;
  return (end, about) => {
    const fields = { webhook: name, ...about };
    if (end.end === "gone")
      log.warn(
        { event: "webhook.gone", ...fields },
        "the webhook answered 410; it is told nothing more of this rotation",
      );
    if (end.end === "delivered" && said !== null)
      log.info({ event: "webhook.works_again", webhook: name }, "a webhook works again");
    const code = end.end === "refused" || end.end === "unavailable" ? end.code : null;
    if (code !== null && code !== said)
      log.warn({ event: "webhook.failing", code, ...fields }, "a webhook does not take a message; it is tried again");
    said = code;
  };
}
