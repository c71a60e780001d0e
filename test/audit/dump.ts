import { Cluster, type Redis } from "ioredis";

/** The servers that hold keys: each master of a Cluster, or the one that there is. */
async function masters(redis: Redis | Cluster): Promise<Redis[]> {
  if (!(redis instanceof Cluster)) return [redis];
  // Before the first answer it knows of no node.
  await redis.ping();
  return redis.nodes("master");
}

/** Every key, of every master. */
export const keysOfAll = async (redis: Redis | Cluster): Promise<string[]> =>
  (await Promise.all((await masters(redis)).map((one) => one.keys("*")))).flat();

/** A copy of all keys, to put an old state of Redis back as a restored backup would. Works on every kind of server. */
export async function backup(redis: Redis): Promise<() => Promise<void>> {
  const restorers: (() => Promise<unknown>)[] = [];
  for (const key of await keysOfAll(redis)) {
    const type = await redis.type(key);
    if (type === "string") {
      const value = (await redis.get(key)) ?? "";
      restorers.push(() => redis.set(key, value));
    } else if (type === "hash") {
      const fields = await redis.hgetall(key);
      restorers.push(() => redis.hset(key, fields));
    } else if (type === "zset") {
      const members = await redis.zrange(key, "0", "-1", "WITHSCORES");
      restorers.push(async () => {
        for (let n = 0; n + 1 < members.length; n += 2) await redis.zadd(key, members[n + 1] ?? "", members[n] ?? "");
      });
    } else if (type === "stream") {
      const entries = await redis.xrange(key, "-", "+");
      restorers.push(async () => {
        for (const [id, fields] of entries) await redis.xadd(key, id, ...fields);
      });
    } else {
      throw new Error(`no copy of a ${type}`);
    }
  }
  return async () => {
    await Promise.all((await masters(redis)).map((one) => one.flushall()));
    for (const restore of restorers) await restore();
  };
}
