import type { SafetyProblem } from "../ports/redis-safety.ts";
import { KeyturnError } from "../rotation/errors.ts";

export interface SafetyReport {
  problems: SafetyProblem[];
  severity: "ok" | "warn" | "refuse";
}

/** ioredis clients of every kind fit. */
export interface SafetyClient {
  info(section: string): Promise<string>;
  config(subcommand: "GET", name: string): Promise<unknown>;
  /** Of a Cluster: any of its masters may keep what is ours, after a move of slots at the latest. */
  nodes?(role: "master"): SafetyClient[];
}

export interface SafetyWishes {
  /** `warn`: a server that keeps nothing is accepted, because we started it so (demo, tests); never by configuration. */
  persistence: "required" | "warn";
}

/**
 * Whether the server keeps what it confirms (failures.md 10): no eviction, persistence on, last writes to disk good.
 * Changes nothing. Managed servers refuse CONFIG; INFO tells most of the same. Of a Cluster every master is asked.
 * @throws what the client throws when a server does not answer
 */
export async function checkRedisSafety(redis: SafetyClient, wishes: SafetyWishes): Promise<SafetyReport> {
  // An INFO that is sent to a Cluster as such goes to any one of its nodes, a replica perhaps.
  const masters = redis.nodes?.("master") ?? [];
  const servers = masters.length > 0 ? masters : [redis];
  const found = (await Promise.all(servers.map((server) => problemsOf(server, wishes)))).flat();
  const problems = [...worstOf(found).values()];
  const severity = problems.some((one) => one.severity === "refuse") ? "refuse" : problems.length > 0 ? "warn" : "ok";
  return { problems, severity };
}

/** One problem per setting: of several masters the worst counts. */
function worstOf(found: readonly SafetyProblem[]): Map<string, SafetyProblem> {
  const worst = new Map<string, SafetyProblem>();
  for (const each of found) if (worst.get(each.setting)?.severity !== "refuse") worst.set(each.setting, each);
  return worst;
}

async function problemsOf(redis: SafetyClient, wishes: SafetyWishes): Promise<SafetyProblem[]> {
  const sections = ["memory", "persistence", "server", "replication"];
  const info = fieldsOf((await Promise.all(sections.map((section) => redis.info(section)))).join("\n"));
  const setting = (name: string) => settingOf(redis, name);
  const policy = (await setting("maxmemory-policy")) ?? info["maxmemory_policy"] ?? null;
  const append = (await setting("appendonly")) ?? yesNo(info["aof_enabled"]);
  const save = await setting("save");
  const found = [
    evictionProblem(policy),
    persistenceProblem({ append, save, keepsNothing: info["os"] === "mocked redis" }, wishes),
    writeProblem("aof_last_write_status", append === "yes" ? info["aof_last_write_status"] : undefined),
    writeProblem("rdb_last_bgsave_status", save ? info["rdb_last_bgsave_status"] : undefined),
    failoverProblem(info["connected_slaves"], await setting("min-replicas-to-write")),
  ];
  return found.filter((problem) => problem !== null);
}

/**
 * A master that is cut off from its replicas goes on confirming writes, which are gone when one of those takes over. With
 * `min-replicas-to-write` it stops. What is lost even so is found and rebuilt (R16, P8), but a person may be asked again.
 */
function failoverProblem(replicas: string | undefined, least: string | null): SafetyProblem | null {
  if (!(Number(replicas ?? 0) > 0) || least !== "0") return null;
  return {
    setting: "min-replicas-to-write",
    value: "0",
    wanted: "1 or more",
    fix: "set it, and min-replicas-max-lag, on every server: a failover may lose what was confirmed last (docs/redis.md)",
    severity: "warn",
  };
}

/** One sentence per problem, all at once. */
export const sentencesOf = (problems: readonly SafetyProblem[]): string =>
  problems.map((one) => `${one.setting} is ${one.value}, wanted is ${one.wanted}: ${one.fix}.`).join(" ");

/** @throws REDIS_UNSAFE (exit 78) with a sentence for every problem that refuses */
export function assertRedisSafe(report: SafetyReport, where: string): void {
  const refusing = report.problems.filter((one) => one.severity === "refuse");
  if (refusing.length === 0) return;
  throw new KeyturnError("REDIS_UNSAFE", `(${where}) ${sentencesOf(refusing)}`, {
    next: `${refusing.map((one) => one.fix).join("; ")}. Then start again.`,
  });
}

function evictionProblem(policy: string | null): SafetyProblem | null {
  if (policy === "noeviction") return null;
  return {
    setting: "maxmemory-policy",
    value: policy ?? "unknown",
    wanted: "noeviction",
    fix: policy === null ? "look it up at the provider" : "run `redis-cli config set maxmemory-policy noeviction`",
    severity: policy === null ? "warn" : "refuse",
  };
}

function persistenceProblem(
  server: { append: string | null; save: string | null; keepsNothing: boolean },
  wishes: SafetyWishes,
): SafetyProblem | null {
  const problem = (value: string, severity: "refuse" | "warn"): SafetyProblem => ({
    setting: "appendonly",
    value,
    wanted: "yes",
    fix: "run `redis-cli config set appendonly yes` and keep it in redis.conf",
    severity,
  });
  if (server.keepsNothing) {
    const fix = "use redis-server or valkey-server";
    return { ...problem("no (memory only)", wishes.persistence === "warn" ? "warn" : "refuse"), fix };
  }
  if (server.append === "yes") return null;
  if (server.append === null)
    return { ...problem("unknown", "warn"), fix: "ask the provider whether data survives a restart" };
  // Snapshots alone lose minutes, which a scan rebuilds (P8); nothing at all loses everything at each restart.
  if (server.save) return problem("no (snapshots only)", "warn");
  return problem("no", wishes.persistence === "warn" ? "warn" : "refuse");
}

function writeProblem(field: string, status: string | undefined): SafetyProblem | null {
  if (status === undefined || status === "ok") return null;
  const fix = "free or repair the server's disk; its log names the error";
  return { setting: field, value: status, wanted: "ok", fix, severity: "refuse" };
}

/** null when the server has no such setting or does not let us ask. */
async function settingOf(redis: SafetyClient, name: string): Promise<string | null> {
  try {
    const reply = await redis.config("GET", name);
    const value = Array.isArray(reply) ? (reply[1] as unknown) : null;
    return typeof value === "string" ? value : null;
  } catch (error) {
    // A refusal is an answer; anything else is not.
    if (error instanceof Error && error.name === "ReplyError") return null;
    throw error;
  }
}

const yesNo = (flag: string | undefined): string | null => (flag === undefined ? null : flag === "1" ? "yes" : "no");

function fieldsOf(info: string): Record<string, string | undefined> {
  const pairs = info.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf(":");
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
  return Object.fromEntries(pairs);
}
