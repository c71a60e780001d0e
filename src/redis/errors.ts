import { KeyturnError } from "../rotation/errors.ts";

/** First words of server replies that say "I do not keep what you write" (failures.md 10). */
const UNSAFE = new Set(["OOM", "MISCONF"]);

/**
 * Maps whatever ioredis throws. Texts of a server or socket error are dropped: they may quote the command's
 * arguments or the URL with its password. Only the reply's leading code word is kept.
 */
export function asRedisError(error: unknown): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const word = replyCode(error);
  if (word !== null && UNSAFE.has(word)) return new KeyturnError("REDIS_UNSAFE", `(${word})`);
  return new KeyturnError("REDIS_UNAVAILABLE", word === null ? undefined : `(${word})`);
}

/** The upper-case code word at the head of a server's error reply; null when it is not one. */
export function replyCode(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "ReplyError") return null;
  return /^([A-Z]{2,20})(?: |$)/.exec(error.message)?.[1] ?? null;
}

/** The error's code word; its text may quote the URL or a command's arguments. */
export function codeOf(error: unknown): string | null {
  const reply = replyCode(error);
  if (reply !== null) return reply;
  const last = error instanceof Error && "lastNodeError" in error ? error.lastNodeError : error;
  if (last !== error && last !== undefined) return codeOf(last);
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : null;
}

/** Runs `work`; whatever it throws comes out as REDIS_UNAVAILABLE or REDIS_UNSAFE. */
export async function asking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asRedisError(error);
  }
}
