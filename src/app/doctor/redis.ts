import type { SafetyProblem } from "../../ports/redis-safety.ts";
import { type Finding, fail, pass, trouble, warn } from "./finding.ts";
import type { RedisPatient, Surroundings } from "./surroundings.ts";

/** BullMQ's: below the first it does not start, below the second it advises against. */
const LEAST = [5, 0];
const ADVISED = [6, 2];

/** Whether Redis answers, which one it is, and whether it keeps what it confirms (failures #10). */
export async function checkRedis({ redis }: Pick<Surroundings, "redis">): Promise<Finding[]> {
  const patient = await redis();
  const lines: Finding[] = [pass("redis", `${patient.where} answers (${patient.topology})`)];
  const parts = [versionOf(patient), safetyOf(patient)];
  for (const part of await Promise.allSettled(parts)) {
    if (part.status === "fulfilled") lines.push(...part.value);
    else lines.push(trouble("redis", part.reason));
  }
  return lines;
}

async function versionOf(patient: RedisPatient): Promise<Finding[]> {
  const { name, version } = await patient.product();
  const upgrade = "Use Redis 6.2 or newer, or Valkey.";
  if (version === null) return [warn("redis version", `${name} does not tell its version`, upgrade)];
  const said = `${name} ${version}`;
  if (name === "valkey" || !isBelow(version, ADVISED)) return [pass("redis version", said)];
  if (isBelow(version, LEAST)) return [fail("redis version", `${said} is too old for the queue`, upgrade)];
  return [warn("redis version", `${said}: the queue advises 6.2 or newer`, upgrade)];
}

function isBelow(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [a = 0, b = 0] = version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  return a < major || (a === major && b < minor);
}

async function safetyOf(patient: RedisPatient): Promise<Finding[]> {
  const problems = await patient.safety();
  const isEviction = (p: SafetyProblem) => p.setting.startsWith("maxmemory");
  const line = (name: string, found: readonly SafetyProblem[], fine: string): Finding[] =>
    found.length === 0
      ? [pass(name, fine)]
      : found.map(({ setting, value, wanted, fix, severity }) =>
          (severity === "refuse" ? fail : warn)(name, `${setting} is ${value}, wanted is ${wanted}`, sentence(fix)),
        );
  return [
    ...line("redis eviction", problems.filter(isEviction), "maxmemory-policy is noeviction"),
    ...line(
      "redis persistence",
      problems.filter((p) => !isEviction(p)),
      "appendonly is yes, the last writes to disk are good",
    ),
  ];
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
