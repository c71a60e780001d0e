import { withRedis } from "../lib/processes.ts";
import type { LoggedRequest } from "../../src/sandbox/request-log.ts";

/** Calls of secrets managers that a process counted, by method, from its metrics. */
export function storeCallsIn(metrics: string): Map<string, number> {
  const calls = new Map<string, number>();
  for (const line of metrics.split("\n")) {
    const found = /^keyturn_provider_requests_total\{(.*)\} (\d+)$/.exec(line);
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(found?.[1] ?? "")?.[1] ?? "";
    if (found === null || label("provider") === "anthropic") continue;
    calls.set(label("operation"), (calls.get(label("operation")) ?? 0) + Number(found[2]));
  }
  return calls;
}

/** Commands that Redis ran, those inside scripts included; in all and by name. */
export const redisCommands = (url: string): Promise<{ all: number; byName: Map<string, number> }> =>
  withRedis(url, async (redis) => {
    const all = Number(/^total_commands_processed:(\d+)/m.exec(await redis.info("stats"))?.[1]);
    const rows = (await redis.info("commandstats")).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm);
    return { all, byName: new Map([...rows].map(([, name, calls]) => [name ?? "", Number(calls)])) };
  });

/** What a request to the API is, as a person would call it. */
export function kindOf({ method, path }: LoggedRequest): string {
  if (path === "/v1/models" || path === "/v1/messages") return `live ${path.slice(4)}`;
  if (path === "/v1/organizations/api_keys") return "list keys";
  if (path.startsWith("/v1/organizations/api_keys/")) return method === "POST" ? "set status" : "get key";
  return path.split("/").slice(3).join(" ");
}

export function countBy<T>(all: Iterable<T>, name: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(name(one), (counts.get(name(one)) ?? 0) + 1);
  return counts;
}

/** What was added to the counts of before. */
export function since(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...now].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const));
}

export const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
