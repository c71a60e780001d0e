import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Trace, findings } from "../canary/search.ts";
import type { AuditLine, Evidence, Request, StatusChange } from "./check/evidence.ts";
import type { Applications } from "./applications.ts";
import { digestOf } from "./places.ts";
import type { Site } from "./site.ts";
import { GRACE_MS } from "./targets.ts";

/** After a replica went on, or Redis went back, a call that was decided before may still come for so long (R9). */
const AFTER_MS = 60_000;

const linesOf = <T>(file: string): T[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);

/** Everything the checker looks at, from the places themselves. */
export async function gather(site: Site, applications: Applications): Promise<Evidence> {
  const histories: Record<string, StatusChange[]> = {};
  for (const { id } of await site.console.keys()) {
    const { changes } = await site.console.history(id);
    histories[id] = changes.map(({ status, at, by }) => ({ status, at: Date.parse(at), by }));
  }
  const requests = linesOf<Omit<Request, "at"> & { realAt: string }>(site.requestLog).map(({ realAt, ...rest }) => ({
    ...rest,
    at: Date.parse(realAt),
  }));
  const audit = linesOf<{ at: number; action: string; rotation: string | null; evidence: { keyId?: string } }>(
    site.auditFile,
  ).map(({ at, action, rotation, evidence }): AuditLine => ({ at, action, rotation, keyId: evidence.keyId ?? null }));
  const timeline = linesOf<{ at: number; kind: string; from?: number }>(site.timeline.file);
  return {
    destinations: site.destinations,
    keyByDigest: Object.fromEntries([...site.texts].map(([id, text]) => [digestOf(text), id])),
    histories,
    requests,
    stores: site.chronicle.states,
    applications: applications.refused,
    people: site.deeds,
    audit,
    bystanders: site.bystanders,
    graceMs: GRACE_MS,
    disturbances: timeline
      .filter(({ kind }) => /^fault\.(replica\.frozen|redis\.|admin\.(slow|hang))/.test(kind))
      .map(({ at, from = at }) => ({ from, to: at + AFTER_MS })),
  };
}

/** P3: every place where the text of a key shows that is none of its own; one line each. */
export async function leaks(site: Site): Promise<string[]> {
  const canaries = [...site.texts].map(([id, text]) => ({ name: id, text }));
  const file = (path: string): Trace => ({ where: path.slice(site.dir.length + 1), bytes: readFileSync(path) });
  const ours = readdirSync(site.dir).filter((name) => /\.(log|jsonl|yaml)$/.test(name));
  const found = findings(canaries, [
    ...ours.map((name) => file(join(site.dir, name))),
    file(site.requestLog),
    ...(await site.redis.dump()),
    ...site.redis.files().map((path) => ({ where: path, bytes: readFileSync(path) })),
    ...site.slackWire.exchanges.map(({ path, body }) => ({ where: `Slack ${path}`, bytes: body })),
    { where: "Slack's messages", bytes: Buffer.from(JSON.stringify(site.slack.messages())) },
  ]);
  return [...new Set(found)];
}
