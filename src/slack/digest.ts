import type { Leases } from "../ports/rotations.ts";
import type { CardSlots, Waiting } from "../ports/card-slots.ts";
import type { Clock } from "../ports/clock.ts";
import type { Instant } from "../rotation/record.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { hashOf } from "./card.ts";
import { code, escaped, lines, when } from "./escape.ts";
import { LIMIT, type Rendering, context, header, messageArgs, section } from "./message.ts";
import type { SlackClient } from "./web-client.ts";
import { isRefusal, wasNotDone } from "./trouble.ts";

/** Edits of one message come no closer than this (chat.update: 50 a minute). */
const PAUSE_MS = 15_000;
const LEASE_MS = 60_000;
/** A digest that may stand unknown is replaced no sooner. */
const DOUBT_MS = 3_600_000;
const SHOWN = 20;

/** What waits for a card, oldest first. Pure; names instants only. */
export function renderDigest(waiting: readonly Waiting[], cardsAtOnce: number): Rendering {
  if (waiting.length === 0) {
    const text = "Every rotation that waited here has its card now.";
    return { text, blocks: [section(text)] };
  }
  const title = `${waiting.length} more ${waiting.length === 1 ? "rotation waits" : "rotations wait"} to be decided`;
  const list = waiting.slice(0, SHOWN).map((w) => `• ${code(w.label)}: ${escaped(w.why)}; since ${when(w.since)}`);
  const more = waiting.length - SHOWN;
  return {
    text: title,
    blocks: [
      header(title),
      section(lines([...list, ...(more > 0 ? [`… and ${more} more`] : [])], LIMIT.section)),
      context(
        `At most ${cardsAtOnce} undecided cards stand here at a time; the next comes when one is decided. \`/keyturn status\` shows all.`,
      ),
    ],
  };
}

const CLOSED = hashOf(renderDigest([], 0));

export interface DigestParts {
  client: SlackClient;
  slots: CardSlots;
  leases: Leases;
  clock: Clock;
  cardsAtOnce: number;
}

/**
 * Brings the channel's one digest up to date: posted, edited in place, and closed when nothing waits any more. Any number
 * of processes may call it.
 * @returns when to look again because it was too early or somebody else is at it; null: it is up to date
 */
export async function refreshDigest(parts: DigestParts, channel: string): Promise<Instant | null> {
  const { slots, leases, clock } = parts;
  let lease: Awaited<ReturnType<Leases["acquire"]>>;
  try {
    lease = await leases.acquire(`slack-digest:${channel}`, LEASE_MS);
  } catch (error) {
    if (error instanceof KeyturnError && error.code === "LOCK_HELD") return clock.now() + 5000;
    throw error;
  }
  try {
    const now = clock.now();
    const [waiting, digest] = [await slots.waiting(channel, now), await slots.digest(channel)];
    const ts = digest?.ts ?? null;
    if (waiting.length === 0 && ts === null) return null;
    const rendering = renderDigest(waiting, parts.cardsAtOnce);
    const hash = hashOf(rendering);
    if (digest !== null && ts !== null && digest.hash === hash) return null;
    if (digest !== null && ts !== null && waiting.length > 0 && now < digest.at + PAUSE_MS) return digest.at + PAUSE_MS;
    // One that Slack may have taken without answering is not posted again for every change of the list.
    const doubtful = digest !== null && ts === null && digest.hash !== "" && digest.hash !== CLOSED;
    if (doubtful && digest.hash === hash) return null;
    if (doubtful && now < digest.at + DOUBT_MS) return digest.at + DOUBT_MS;
    const shown = await show(parts.client, channel, ts, rendering, {
      closing: waiting.length === 0,
      saying: () => slots.saveDigest(channel, { ts: null, hash, at: now }),
      notSaid: () => slots.saveDigest(channel, { ts: null, hash: "", at: now }),
    });
    // An empty one is done with: what waits later gets a new message at the end of the channel.
    await slots.saveDigest(channel, { ts: waiting.length === 0 ? null : shown, hash, at: now });
    return null;
  } finally {
    await lease.release().catch(() => undefined);
  }
}

async function show(
  client: SlackClient,
  channel: string,
  ts: string | null,
  rendering: Rendering,
  { closing, saying, notSaid }: { closing: boolean; saying: () => Promise<void>; notSaid: () => Promise<void> },
): Promise<string | null> {
  if (ts !== null) {
    try {
      await client.call("chat.update", { channel, ts, ...messageArgs(rendering, null) });
      return ts;
    } catch (error) {
      if (!isRefusal(error, "message_not_found", "cant_update_message", "edit_window_closed")) throw error;
      if (closing) return null;
    }
  }
  await saying();
  try {
    const posted = await client.call("chat.postMessage", { channel, ...messageArgs(rendering, null) }, "post");
    return typeof posted.ts === "string" ? posted.ts : null;
  } catch (error) {
    if (wasNotDone(error)) await notSaid();
    throw error;
  }
}
