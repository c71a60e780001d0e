import type { ConnectionOptions as TlsOptions } from "node:tls";
import { Redis } from "ioredis";
import { codeOf, replyCode } from "./errors.ts";
import { type RedisSettings, hostPort } from "./settings.ts";

/** Why a connection cannot be had, and what a person looks at. */
export interface Cause {
  /** A code, or words of our own; never a server's or a library's text. */
  why: string;
  next: string | null;
}

/** For each server in turn (milliseconds): the person who waits has waited already. */
const PROBE_MS = 1500;
/** Enough to know: they are configured alike. */
const MOST = 3;
/** Replies that no waiting changes. */
export const REFUSALS = new Set(["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"]);

/**
 * Asks the servers one by one, because the clients of Sentinel and Cluster only say that none of them would do.
 * Changes nothing, never throws. @returns null when nothing is found to be wrong
 */
export async function diagnose(settings: RedisSettings, tls: TlsOptions | null): Promise<Cause | null> {
  const { sentinels, cluster } = settings;
  const nodes = (sentinels ?? cluster)?.nodes.slice(0, MOST) ?? [];
  const credentials = { username: settings.username, password: settings.password };
  let first: Cause | null = null;
  for (const node of nodes) {
    const found =
      sentinels === undefined
        ? await probe(node, tls, credentials, "redis", async (client) => void (await client.ping()))
        : await probeSentinel(node, tls, sentinels, credentials);
    // One that answers says more than one that does not.
    if (found === null || !/^E[A-Z]+$/.test(found.why)) return found;
    first ??= found;
  }
  return first;
}

interface Credentials {
  username?: string | undefined;
  password?: string | undefined;
}

async function probeSentinel(
  node: string,
  tls: TlsOptions | null,
  { master, password }: NonNullable<RedisSettings["sentinels"]>,
  credentials: Credentials,
): Promise<Cause | null> {
  let address: string | null = null;
  const cause = await probe(node, tls, { password }, "redis.sentinels", async (client) => {
    const reply: unknown = await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master);
    if (Array.isArray(reply)) address = `${String(reply[0])}:${String(reply[1])}`;
  });
  if (cause !== null) return cause;
  if (address === null) return { why: `no Sentinel knows a master "${master}"`, next: "Check redis.sentinels.master." };
  return probe(address, tls, credentials, "redis", async (client) => void (await client.ping()));
}

async function probe(
  node: string,
  tls: TlsOptions | null,
  { username, password }: Credentials,
  section: string,
  ask: (client: Redis) => Promise<void>,
): Promise<Cause | null> {
  const client = new Redis({
    ...hostPort(node),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === null ? {} : { tls }),
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: PROBE_MS,
    commandTimeout: PROBE_MS,
  });
  let met: unknown = null;
  client.on("error", (error) => (met ??= error));
  try {
    await client.connect();
    await ask(client);
    return null;
  } catch (error) {
    const why = codeOf(met ?? error);
    if (why === null) return { why: "the server closed the connection", next: tls === null ? NO_TLS : null };
    return { why, next: nextFor(why, section) ?? (tls === null && CLOSED.has(why) ? NO_TLS : null) };
  } finally {
    client.disconnect();
  }
}

const CLOSED = new Set(["ECONNRESET", "EPIPE"]);
const NO_TLS = "Check redis.tls: the server may accept TLS only.";

/** What a person looks at for this code; null: nothing better than the error's own next step. */
export function nextFor(code: string, section = "redis"): string | null {
  if (REFUSALS.has(code))
    return section === "redis" ? "Check redis.username and redis.password." : `Check ${section}.password.`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return "Check redis.tls.serverName: the server's certificate carries another name.";
  if (code === "CERT_HAS_EXPIRED") return "Renew the server's certificate.";
  if (/SELF_SIGNED|SIGNATURE|ISSUER/.test(code))
    return "Check redis.tls.ca: the server's certificate is not signed by it.";
  if (/^ERR_SSL_|^EPROTO$/.test(code)) return "Check redis.tls: the server may not speak TLS on this port.";
  return null;
}

/** Whether this reply means that the credentials are refused. */
export const isRefusal = (error: unknown): boolean => REFUSALS.has(replyCode(error) ?? "");
