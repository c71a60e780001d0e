import type { Instant } from "../rotation/record.ts";
import type { SlackClient } from "./web-client.ts";

/** Slack's clock and ours may differ by so much (R24). */
const SKEW_MS = 5 * 60_000;
const PAGE = 200;
const PAGES = 5;

interface Seen {
  ts?: unknown;
  thread_ts?: unknown;
  blocks?: { type?: unknown }[];
  metadata?: { event_type?: unknown; event_payload?: { rotation?: unknown } };
}

/**
 * Looks for the cards of a rotation that stand in the channel since then: after a lost answer nobody else knows. Needs the
 * scope `channels:history` or `groups:history`, and reads nothing of other messages but what they are about.
 * @returns their ts, newest first; null: not to be known (no scope, no answer, too many messages)
 */
export async function findCards(
  client: SlackClient,
  channel: string,
  rotation: string,
  since: Instant,
): Promise<string[] | null> {
  const found: string[] = [];
  let cursor = "";
  try {
    for (let page = 0; page < PAGES; page++) {
      const answer = await client.call("conversations.history", {
        channel,
        oldest: String(Math.max(0, since - SKEW_MS) / 1000),
        include_all_metadata: true,
        limit: PAGE,
        ...(cursor === "" ? {} : { cursor }),
      });
      if (!Array.isArray(answer.messages)) return null;
      for (const m of answer.messages as Seen[]) if (isCard(m, rotation)) found.push(String(m.ts));
      const next = (answer.response_metadata as { next_cursor?: unknown } | undefined)?.next_cursor;
      if (typeof next !== "string" || next === "")
        return answer.has_more === true ? null : found.toSorted((a, b) => Number(b) - Number(a));
      cursor = next;
    }
  } catch {
    // Whatever it was: what cannot be seen is not known (P12).
  }
  return null;
}

/** Replies and the escalation carry the rotation too; a card alone begins with a header. */
function isCard({ ts, thread_ts, blocks, metadata }: Seen, rotation: string): boolean {
  return (
    typeof ts === "string" &&
    (thread_ts === undefined || thread_ts === ts) &&
    metadata?.event_type === "keyturn_rotation" &&
    metadata.event_payload?.rotation === rotation &&
    blocks?.[0]?.type === "header"
  );
}
