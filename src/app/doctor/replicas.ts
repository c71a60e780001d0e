import type { ProcessSeen } from "../../ports/processes.ts";
import { type Finding, fail, pass } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

const NAME = "replicas";
const MOST = 10;

/** Which `serve` are at work, and where; with stores that belong to one host, whether it is one (R10). */
export async function checkReplicas(s: Pick<Surroundings, "redis" | "oneHost">): Promise<Finding[]> {
  const redis = await s.redis();
  const serving = (await redis.processes()).filter(({ kind }) => kind === "serve");
  if (serving.length === 0) {
    const workers = await redis.workers();
    return [
      pass(
        NAME,
        workers === null || workers === 0 ? "no `serve` is at work now" : `${workers} at work; where, they do not say`,
      ),
    ];
  }
  const hosts = [...new Set(serving.map(({ host }) => host))].toSorted();
  const named = `${hosts.slice(0, MOST).join(", ")}${hosts.length > MOST ? " …" : ""}`;
  const said = `${serving.length} \`serve\` at work on ${hosts.length} host${hosts.length === 1 ? "" : "s"}: ${named}`;
  if (hosts.length === 1 || s.oneHost.stores.length === 0) return [pass(NAME, said)];
  return [
    fail(
      NAME,
      `${said}; the files of ${s.oneHost.stores.join(", ")} belong to one host`,
      "Run one replica (strategy Recreate), or keep the keys in a secrets manager: docs/stores.md.",
    ),
  ];
}

/** Another host that has the files of this installation's stores; null: nobody has, or this one. */
export async function filesElsewhere({
  redis,
  oneHost,
}: Pick<Surroundings, "redis" | "oneHost">): Promise<string | null> {
  const seen: readonly ProcessSeen[] = await redis()
    .then((patient) => patient.processes())
    .catch(() => []);
  return seen.find(({ files, host }) => files && host !== oneHost.host)?.host ?? null;
}
