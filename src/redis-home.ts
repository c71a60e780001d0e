import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import { resolveSecret } from "../config/secrets.ts";
import type { Log } from "./ports/notifier.ts";
import { startEmbedded } from "./redis/embedded.ts";
import type { RedisSettings } from "./redis/settings.ts";
import { DEFAULT_REDIS_URL } from "../config/redis.ts";

/** Where Redis is, and whether we started it. */
export interface RedisHome {
  settings: RedisSettings;
  /** False only for the server in memory that the demo and tests may start. */
  durable: boolean;
  /** Ends our use of an embedded server; the last user ends the server. */
  release(): Promise<void>;
}

/**
 * The configured Redis: a server somewhere, or one of our own in a folder.
 * @param allowMemory demo and tests: a server that keeps nothing will do when no other can be had
 * @throws CONFIG_INVALID for a secret that cannot be read, REDIS_UNAVAILABLE when no server can be started
 */
export async function openRedis({ redis }: Config, log: Log, allowMemory = false): Promise<RedisHome> {
  if (redis.embedded !== undefined) {
    // The distribution's own package, unpacked without root, when no server is installed; a demo does not wait for that.
    const unpack = allowMemory ? {} : { allowDownload: true, cache: join(redis.embedded, "server") };
    const embedded = await startEmbedded({ dir: redis.embedded, allowMemory, log, ...unpack });
    return { settings: embedded.settings, durable: embedded.durable, release: () => embedded.release() };
  }
  const secret = (ref: string | undefined, path: string) =>
    ref === undefined ? undefined : resolveSecret(ref, path).use((text) => text);
  const isReference = redis.url !== undefined && /^(env|file):/.test(redis.url);
  const settings: RedisSettings = {
    url: isReference
      ? secret(redis.url, "redis.url")
      : (redis.url ?? (redis.sentinels || redis.cluster ? undefined : DEFAULT_REDIS_URL)),
    sentinels:
      redis.sentinels === undefined
        ? undefined
        : { ...redis.sentinels, password: secret(redis.sentinels.password, "redis.sentinels.password") },
    cluster: redis.cluster,
    username: redis.username,
    password: secret(redis.password, "redis.password"),
    tls: redis.tls,
  };
  return { settings, durable: true, release: () => Promise.resolve() };
}
