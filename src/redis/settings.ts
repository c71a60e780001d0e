/** Where Redis is, as `compose.ts` hands it over: references are resolved, passwords are texts. */
export interface RedisSettings {
  /** redis://host:port/db, rediss:// for TLS. */
  url?: string | undefined;
  /** A Unix socket: our own embedded server. */
  socket?: string | undefined;
  sentinels?: { master: string; nodes: readonly string[]; password?: string | undefined } | undefined;
  cluster?: { nodes: readonly string[] } | undefined;
  username?: string | undefined;
  password?: string | undefined;
  /** File names. */
  tls?:
    | boolean
    | { ca?: string | undefined; cert?: string | undefined; key?: string | undefined; serverName?: string | undefined }
    | undefined;
}

/** `host:port` or `[::1]:port` in parts. */
export function hostPort(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}

/** For messages and logs: never a user name or password. */
export function whereOf(settings: RedisSettings): string {
  if (settings.socket !== undefined) return `socket ${settings.socket}`;
  if (settings.sentinels) return `${settings.sentinels.master} by sentinels ${settings.sentinels.nodes.join(", ")}`;
  if (settings.cluster) return `cluster ${settings.cluster.nodes.join(", ")}`;
  const url = settings.url ?? "";
  if (!URL.canParse(url)) return "an address that is not a URL";
  const { hostname, port } = new URL(url);
  return `${hostname || "localhost"}:${port || "6379"}`;
}
