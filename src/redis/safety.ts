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
}

export interface SafetyWishes {
  /** `warn`: a server that keeps nothing is accepted, because we started it so (demo, tests); never by configuration. */
  persistence: "required" | "warn";
}

/**
 * Whether the server keeps what it confirms (failures.md 10): no eviction, persistence on, last writes to disk good.
 * Changes nothing. Managed servers refuse CONFIG; INFO tells most of the same.
 * @throws what the client throws when the server does not answer
 */
export async function checkRedisSafety(redis: SafetyClient, wishes: SafetyWishes): Promise<SafetyReport> {
  const info = fieldsOf(
    [await redis.info("memory"), await redis.info("persistence"), await redis.info("server")].join("\n"),
  );
  const setting = (name: string) => settingOf(redis, name);
  const policy = (await setting("maxmemory-policy")) ?? info["maxmemory_policy"] ?? null;
  const append = (await setting("appendonly")) ?? yesNo(info["aof_enabled"]);
  const save = await setting("save");
  const found = [
    evictionProblem(policy),
    persistenceProblem({ append, save, keepsNothing: info["os"] === "mocked redis" }, wishes),
    writeProblem("aof_last_write_status", append === "yes" ? info["aof_last_write_status"] : undefined),
    writeProblem("rdb_last_bgsave_status", save ? info["rdb_last_bgsave_status"] : undefined),
  ];
  const problems = found.filter((problem) => problem !== null);
  const severity = problems.some((one) => one.severity === "refuse") ? "refuse" : problems.length > 0 ? "warn" : "ok";
  return { problems, severity };
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
