import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { Cluster, Redis } from "ioredis";
import { KeyturnError } from "../rotation/errors.ts";
import { diagnose, isRefusal, nextFor } from "./diagnose.ts";
import { codeOf } from "./errors.ts";
import { type RedisSettings, hostPort, whereOf } from "./settings.ts";

/** `producer`: asks on somebody's behalf and must answer soon. `worker`: BullMQ waits for Redis as long as it takes. */
export type RedisRole = "producer" | "worker";

export interface RedisConnection {
  client: Redis | Cluster;
  /** For messages; without credentials. */
  where: string;
  ready(): boolean;
  /** Ends this connection and every copy BullMQ made of it. At once, also while Redis is away; safe to repeat. */
  disconnect(): void;
}

export interface ConnectOptions {
  role: RedisRole;
  /** Milliseconds until a server that does not answer is reported. */
  connectWithinMs?: number;
  /** Trouble after the first connection, by code word; ioredis reconnects by itself. */
  onTrouble?: (code: string) => void;
}

const CONNECT_WITHIN_MS = 5000;
/** A frozen server must not hold a request for ever. The command may still be executed: callers look again. */
const ANSWER_WITHIN_MS = 10_000;
/**
 * A master that froze or was cut off keeps its connections open and says nothing: they are given up after this, so that
 * the next one is made to whoever is master by then. BullMQ's blocking reads wait up to 10 s for their answer by design.
 */
const SILENT_MS = { producer: ANSWER_WITHIN_MS, worker: 20_000 } as const;
/** First words of a server's answer to a client that is connected to the wrong one since a failover. */
const DEMOTED = /^READONLY /;

/**
 * Connects, or says why not. Repeating is safe. The wait is bounded because a BullMQ call on a connection that
 * never was there waits for ever (measured on 6.7.0).
 * @throws REDIS_UNAVAILABLE naming host, port and the error's code; never the URL, which may carry a password
 */
export async function connectRedis(settings: RedisSettings, options: ConnectOptions): Promise<RedisConnection> {
  const where = whereOf(settings);
  const client = createClient(settings, options.role);
  const copies = rememberCopies(client);
  let trouble: unknown = null;
  let onTrouble = (error: unknown): void => {
    trouble = error;
  };
  const disconnect = () => {
    for (const each of [client, ...copies]) each.disconnect();
  };
  // Without a listener ioredis prints raw errors to stderr.
  client.on("error", (error) => onTrouble(error));
  const refused = new Promise<never>((_, reject) => {
    client.on("error", (error) => {
      if (isRefusal(error)) reject(error as Error);
    });
  });
  refused.catch(() => undefined);
  try {
    await withinMs(options.connectWithinMs ?? CONNECT_WITHIN_MS, Promise.race([becomesReady(client), refused]));
  } catch (error) {
    disconnect();
    throw await unavailable(settings, where, trouble ?? error);
  }
  onTrouble = (error) => {
    options.onTrouble?.(codeOf(error) ?? "UNKNOWN");
  };
  return { client, where, disconnect, ready: () => client.status === "ready" };
}

async function unavailable(settings: RedisSettings, where: string, error: unknown): Promise<KeyturnError> {
  const code = codeOf(error);
  const cause = code === null ? await diagnose(settings, tlsOptions(settings)) : { why: code, next: nextFor(code) };
  const next = cause?.next ?? placeOf(settings, cause?.why ?? null);
  return new KeyturnError("REDIS_UNAVAILABLE", `(${where}${cause === null ? "" : `: ${cause.why}`})`, { next });
}

/** Which setting to look at when nothing better is known. `ERR` is an answer: of something else than was expected. */
function placeOf({ sentinels, cluster }: RedisSettings, why: string | null): string {
  const isOther = why === "ERR";
  if (sentinels !== undefined)
    return isOther
      ? "Check redis.sentinels.nodes: what answers there may be no Sentinel."
      : "Check redis.sentinels.nodes, and whether the Sentinels and their master run.";
  if (cluster !== undefined)
    return isOther
      ? "Check redis.cluster.nodes: what answers there may be no node of a Cluster; a single server belongs in redis.url."
      : "Check redis.cluster.nodes and the servers.";
  return isOther
    ? "Check redis.url: what answers there may be no Redis that takes data; a Sentinel belongs in redis.sentinels."
    : "Check redis.url and the server.";
}

function createClient(settings: RedisSettings, role: RedisRole): Redis | Cluster {
  const common = commonOptions(settings, role);
  const { sentinels, cluster } = settings;
  if (sentinels) {
    return new Redis({
      ...common,
      name: sentinels.master,
      sentinels: sentinels.nodes.map(hostPort),
      ...(sentinels.password === undefined ? {} : { sentinelPassword: sentinels.password }),
      ...(common.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: common.tls }),
      sentinelRetryStrategy: pause,
    });
  }
  if (cluster) {
    return new Cluster(cluster.nodes.map(hostPort), {
      redisOptions: common,
      lazyConnect: true,
      enableOfflineQueue: role === "worker",
      clusterRetryStrategy: pause,
    });
  }
  if (settings.socket !== undefined) return new Redis({ ...common, path: settings.socket });
  return new Redis(settings.url ?? "redis://localhost:6379", common);
}

/** Its type stays inferred: ioredis does not take its own `RedisOptions` under exactOptionalPropertyTypes. */
function commonOptions(settings: RedisSettings, role: RedisRole) {
  const tls = tlsOptions(settings);
  const patience =
    role === "worker"
      ? { maxRetriesPerRequest: null }
      : // No automatic pipelining: ioredis then sets up BullMQ's 60 scripts anew for each turn (measured: 20 % more CPU).
        { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: ANSWER_WITHIN_MS };
  return {
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN_MS - 500,
    retryStrategy: pause,
    socketTimeout: SILENT_MS[role],
    // A demoted master refuses what is written to it: nothing was done, so it is sent again, to the new one.
    reconnectOnError: (error: Error) => (DEMOTED.test(error.message) ? (2 as const) : false),
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(tls === null ? {} : { tls }),
    ...patience,
  };
}

/** @throws CONFIG_INVALID when a certificate file cannot be read */
function tlsOptions({ tls, url }: RedisSettings): TlsOptions | null {
  if (tls === undefined || tls === false) return url?.startsWith("rediss:") ? {} : null;
  if (tls === true) return {};
  const read = (name: string, file: string | undefined) => {
    if (file === undefined) return {};
    try {
      return { [name]: readFileSync(file) };
    } catch {
      throw new KeyturnError("CONFIG_INVALID", `(redis.tls.${name}: ${file} cannot be read)`);
    }
  };
  const serverName = tls.serverName === undefined ? {} : { servername: tls.serverName };
  return { ...read("ca", tls.ca), ...read("cert", tls.cert), ...read("key", tls.key), ...serverName };
}

/** Milliseconds until the next try: 50 ms doubling to 2 s, with jitter so that replicas do not return in step. */
const pause = (times: number): number => Math.min(2000, 50 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 4);

/** BullMQ's blocking reads run on a copy, which has to end together with the original. */
function rememberCopies(client: Redis | Cluster): (Redis | Cluster)[] {
  const copies: (Redis | Cluster)[] = [];
  const keep = <C extends Redis | Cluster>(copy: C): C => {
    copy.on("error", () => undefined);
    copies.push(copy);
    return copy;
  };
  if (client instanceof Cluster) {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...args: Parameters<typeof duplicate>) => keep(duplicate(...args));
  } else {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...args: Parameters<typeof duplicate>) => keep(duplicate(...args));
  }
  return copies;
}

/** `connect()` gives up at the first refusal while ioredis goes on trying, so we wait for the event. */
function becomesReady(client: Redis | Cluster): Promise<void> {
  return new Promise((resolve) => {
    client.once("ready", () => resolve());
    client.connect().catch(() => undefined);
  });
}

async function withinMs<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
