import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";

/**
 * Members of a sorted set from the highest score down, in pages. The cursor is the last score, not a rank, so that
 * members added meanwhile neither repeat nor hide others; each member comes once.
 */
export async function* pagesNewestFirst(redis: RedisClient, key: string, size = 100): AsyncGenerator<string[]> {
  let score = "+inf";
  let seen = new Set<string>();
  for (;;) {
    const rows = await asking(() => redis.zrevrangebyscore(key, score, "-inf", "WITHSCORES", "LIMIT", seen.size, size));
    const page: string[] = [];
    for (let n = 0; n + 1 < rows.length; n += 2) {
      const [member, at] = [rows[n] ?? "", rows[n + 1] ?? ""];
      if (at !== score) [score, seen] = [at, new Set()];
      if (!seen.has(member)) page.push(member);
      seen.add(member);
    }
    if (page.length > 0) yield page;
    if (rows.length < 2 * size) return;
  }
}
