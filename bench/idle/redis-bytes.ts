import { withRedis } from "../lib/processes.ts";

/** What Redis keeps: its own figure, and the bytes of all keys by kind, overheads included. */
export interface Kept {
  usedBytes: number;
  byKind: Map<string, number>;
}

export const keptIn = (url: string): Promise<Kept> =>
  withRedis(url, async (redis) => {
    // Buffers of connections that ended just now would count as well.
    const usedBytes = Number(/^used_memory_dataset:(\d+)/m.exec(await redis.info("memory"))?.[1]);
    const byKind = new Map<string, number>();
    for (let cursor = "0"; ;) {
      const [next, keys] = await redis.scan(cursor, "COUNT", 500);
      const batch = redis.pipeline();
      for (const key of keys) batch.memory("USAGE", key, "SAMPLES", 0);
      for (const [n, [, bytes]] of ((await batch.exec()) ?? []).entries())
        byKind.set(kindOf(keys[n] ?? ""), (byKind.get(kindOf(keys[n] ?? "")) ?? 0) + Number(bytes));
      if (next === "0") return { usedBytes, byKind };
      cursor = next;
    }
  });

/** The name of a key without the id in it. */
function kindOf(key: string): string {
  const name = key.slice(key.indexOf("}:") + 2);
  if (/(^|:)rot_[0-9a-z]+-r\d+/.test(name)) return "wake-up job";
  return name.replace(/:?rot_[0-9a-z]+.*/, "");
}
