import { randomBytes } from "node:crypto";
import type { AuditEntry, ChainHead } from "../ports/audit.ts";
import type { Attempt, ChainPosition, Journal, Link } from "../ports/chain.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { keysOf } from "./keys.ts";
import { APPEND, NOTE_SHIPPED } from "./lua.ts";
import { run } from "./script.ts";

/** The chain in Redis. All calls throw REDIS_UNAVAILABLE (outcome unknown) or REDIS_UNSAFE (refused). */
export function createRedisJournal(given: { redis: RedisClient; install: string }): Journal {
  const { redis } = given;
  const keys = keysOf(given.install);
  return {
    head: async () => parseHead((await asking(() => redis.get(keys.auditHead))) ?? ""),
    append: async (link) => attemptOf(await run(redis, APPEND, chainKeys(keys), chainArgs(link))),
    read: async (after, limit) => {
      const from = after === null ? "-" : `(${streamId(after)}`;
      const rows = await asking(() => redis.xrange(keys.audit, from, "+", "COUNT", limit));
      return rows.map(([, fields]) => JSON.parse(fields[1] ?? "null") as AuditEntry);
    },
    trim: async (keep) => {
      await asking(() => redis.xtrim(keys.audit, "MAXLEN", keep));
    },
    dropBefore: async (position) => {
      await asking(() => redis.xtrim(keys.audit, "MINID", streamId(position)));
    },
    shipped: async (sink) => parsePosition(await asking(() => redis.hget(keys.auditShipped, sink))),
    noteShipped: async (sink, position) => {
      await run(redis, NOTE_SHIPPED, [keys.auditShipped], [sink, position.epoch, position.seq]);
    },
  };
}

export const chainKeys = (keys: Keys): string[] => [keys.audit, keys.auditHead];

/** What every script that touches the chain takes last (see lua.ts): a token of this call, heads, ids and entries. */
export function chainArgs(link: Link): string[] {
  const last = link.entries.at(-1);
  const head = last === undefined ? "" : headText(last);
  const expected = link.expected === null ? "" : headText(link.expected);
  return [
    randomBytes(12).toString("hex"),
    head,
    expected,
    ...link.entries.flatMap((entry) => [streamId(entry), JSON.stringify(entry)]),
  ];
}

/** Reads a script's reply. Throws for refusals that `refused` does not turn into an error of its own. */
export function attemptOf(reply: unknown, refused?: (reply: string[]) => KeyturnError | null): Attempt {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  if (words[0] === "OK") return { done: true };
  if (words[0] === "HEAD") return { done: false, moved: parseHead(words[1] ?? "") };
  throw refused?.(words) ?? new KeyturnError("INTERNAL", "(unknown reply of a Redis script)");
}

const headText = (head: ChainHead): string => `${head.epoch} ${head.seq} ${head.hash}`;
const streamId = (position: ChainPosition): string => `${position.epoch}-${position.seq}`;

function parseHead(text: string): ChainHead | null {
  const [epoch, seq, hash] = text.split(" ");
  return hash === undefined ? null : { epoch: Number(epoch), seq: Number(seq), hash };
}

function parsePosition(text: string | null): ChainPosition | null {
  const [epoch, seq] = (text ?? "").split("-");
  return seq === undefined ? null : { epoch: Number(epoch), seq: Number(seq) };
}
