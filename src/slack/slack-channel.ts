import type { Channel } from "../ports/outbox.ts";
import { isUrgent, REASONS } from "../rotation/codes.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Instant } from "../rotation/record.ts";
import { keepCard } from "./deliver-card.ts";
import { keepHandover } from "./deliver-handover.ts";
import { keepReminders } from "./deliver-reminders.ts";
import { tellMilestones } from "./deliver-thread.ts";
import type { Delivery, SlackChannelParts } from "./delivery.ts";
import { refreshDigest } from "./digest.ts";
import { Notebook } from "./memory.ts";

/** Whoever waits for a place asks again after this when nobody woke it. */
const WAIT_MS = 60_000;
/** A place is waited for during this part of the time to decide. */
const PATIENCE = 4;
const HOUR = 3_600_000;
/** Cards come already while a scan runs: what came so long before its end is of an earlier one. */
const SCAN_MS = 15 * 60_000;
/** Stands for "never": a compromised rotation does not expire. */
const FOREVER_MS = 365 * 86_400_000;

/**
 * The channel "slack": one card per rotation, edited in place; its thread tells the milestones. Slack's limits are waited
 * out; everything else it refuses is thrown, for the outbox to log and try again.
 * @throws SLACK_UNAVAILABLE, SLACK_REFUSED, REDIS_UNAVAILABLE
 */
export function createSlackChannel(parts: SlackChannelParts): Channel {
  return {
    name: "slack",
    deliver: async (bulletin, memory, remember) => {
      const notes = new Notebook(memory, remember);
      try {
        return { nextAt: await deliver({ parts, bulletin, notes }) };
      } catch (error) {
        if (!(error instanceof KeyturnError) || error.reason !== "ratelimited") throw error;
        return { nextAt: parts.clock.now() + (error.retryAfterMs ?? 30_000) };
      }
    },
  };
}

async function deliver(d: Delivery): Promise<Instant | null> {
  const { rotation, now } = d.bulletin;
  const may = await mayHaveCard(d);
  const digestAt = d.notes.memory.listed ? await keepDigest(d, may) : null;
  if (!may) return earliest([digestAt, now + WAIT_MS]);
  const { card, posting } = d.notes.memory;
  // Ended before anybody was asked: only that nobody was asked in time is worth a card.
  if (card === null && posting === null && rotation.endedAt !== null && rotation.state !== "expired") return digestAt;
  const again = await keepCard(d);
  await tellMilestones(d);
  await keepHandover(d);
  return earliest([digestAt, again, await keepReminders(d)]);
}

/** By the places in its channel: takes one, waits for one, or gives it up once it is decided. */
async function mayHaveCard({ parts, bulletin, notes }: Delivery): Promise<boolean> {
  const { rotation: r, now } = bulletin;
  const { card, posting, released, listed } = notes.memory;
  const channel = card?.channel ?? parts.channelOf(r.target);
  if (r.state === "awaiting_approval") {
    const label = r.target ?? r.outgoing.name;
    // Whoever has waited for a quarter of its time is shown in any case: nothing may expire that nobody could press.
    const patient = r.deadline === null || now < r.enteredAt + (r.deadline - r.enteredAt) / PATIENCE;
    const until = (r.deadline ?? now + FOREVER_MS) + HOUR;
    const waiting = { rotation: r.id, label, why: REASONS[r.reason], since: r.createdAt, until };
    const limit = card !== null || posting !== null || isUrgent(r.reason) || !patient ? null : parts.cardsAtOnce;
    const taken = await parts.slots.take(channel, waiting, limit, now, await countedFrom(parts));
    if (released || (!taken && !listed)) await notes.note({ released: false, listed: listed || !taken });
    return taken;
  }
  if (released) return true;
  const { had, next } = await parts.slots.release(channel, r.id, parts.cardsAtOnce, await countedFrom(parts));
  if (had) for (const id of next) await parts.wake?.(id).catch(() => undefined);
  // Noted last: until then it is done again.
  await notes.note({ released: true });
  return true;
}

/** Each scan may bring so many new cards: those from before the last one take no place. */
async function countedFrom({ lastScan }: SlackChannelParts): Promise<Instant> {
  const at = (await lastScan?.()) ?? null;
  return at === null ? 0 : Math.max(0, at - SCAN_MS);
}

/** The digest lists it, or listed it last: that is corrected before it is forgotten. */
async function keepDigest({ parts, bulletin, notes }: Delivery, may: boolean): Promise<Instant | null> {
  const again = await refreshDigest(parts, notes.memory.card?.channel ?? parts.channelOf(bulletin.rotation.target));
  if (again === null && may) await notes.note({ listed: false });
  return again;
}

const earliest = (times: readonly (Instant | null)[]): Instant | null => {
  const known = times.filter((t) => t !== null);
  return known.length === 0 ? null : Math.min(...known);
};
