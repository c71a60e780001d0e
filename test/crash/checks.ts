import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChainVerdict } from "../../src/ports/audit.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { LoggedRequest } from "../../src/sandbox/request-log.ts";
import type { Ending } from "./scenarios.ts";
import { FILES, type Site } from "./site.ts";

const UNTAKEN_LOCK = /\.keyturn-lock-[0-9a-f-]{36}$/;
const STATUS_CALL = /^\/v1\/organizations\/api_keys\/([^/]+)$/;

/** Changes of a key's status that the organization carried out, in order; from its own log, not from anything we say. */
export async function changesOf(site: Site, keyId: string): Promise<LoggedRequest[]> {
  const all = await site.ground.console.requests(site.since);
  return all.filter((r) => r.method === "POST" && r.applied && STATUS_CALL.exec(r.path)?.[1] === keyId);
}

function same(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

/** How a case has to end, looked at from outside: the record, the files, the organization's log, the audit file. */
export async function checkEnding(site: Site, id: string, replacementId: string | null, ending: Ending): Promise<void> {
  const { record, verdict, locks, openIds } = await site.within(async ({ deps }) => ({
    record: await deps.rotations.load(id),
    verdict: site.sink ? await deps.audit.verify() : null,
    locks: await deps.rotations.holderOf("target:billing"),
    openIds: await deps.rotations.openIds(),
  }));
  same("state", `${record?.state} ${record?.attention?.message ?? ""}`.trim(), ending.state);
  if (record === null) return;
  same("attention", record.attention?.code ?? null, ending.attention ?? null);
  same("replacement", record.replacement?.id ?? null, ending.replacement === "none" ? null : replacementId);
  same("open rotations", openIds, record.endedAt === null ? [id] : []);
  if (record.endedAt !== null) {
    same("lock on the target", locks, null);
    same("cleaned up", record.cleanedUp, true);
  }
  await checkCalls(site, id, record, ending);
  if (verdict !== null) checkChain(verdict);
  await checkFiles(site, record, ending);
}

async function checkCalls(site: Site, id: string, record: Rotation, ending: Ending): Promise<void> {
  const calls = await changesOf(site, record.outgoing.id);
  same(
    "status calls on the outgoing key",
    calls.map((c) => c.bodyStatus).filter((status, n, all) => ending.mayRepeat !== true || status !== all[n - 1]),
    ending.calls,
  );
  const ofReplacement = record.replacement === null ? [] : await changesOf(site, record.replacement.id);
  same(
    "status calls on the replacement",
    ofReplacement.map((c) => c.bodyStatus),
    ending.replacementCalls ?? [],
  );
  const at = (status: string) => Date.parse(calls.find((c) => c.bodyStatus === status)?.realAt ?? "");
  const grace = at("archived") - at("inactive");
  if (grace < site.graceMs)
    throw new Error(`archived ${grace} ms after the deactivation; the grace period is ${site.graceMs} ms`);
  if (!site.sink) return;
  const text = await readFile(site.auditFile, "utf8");
  const entries = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { at: number; action: string; rotation: string | null });
  for (const call of [...calls, ...ofReplacement]) {
    const action =
      {
        inactive: ["deactivate.intended", "revoke.intended", "roll_back.intended"],
        archived: ["archive.sent"],
        active: ["activate.intended"],
      }[call.bodyStatus ?? ""] ?? [];
    const before = entries.some(
      (e) => e.rotation === id && action.includes(e.action) && e.at <= Date.parse(call.realAt),
    );
    if (!before) throw new Error(`the call to set ${call.bodyStatus} is not on record before it was made (P11)`);
  }
}

function checkChain(verdict: ChainVerdict): void {
  if (!verdict.intact) throw new Error(`audit verify: ${verdict.why} at ${JSON.stringify(verdict.firstBad)}`);
}

async function checkFiles(site: Site, record: Rotation, ending: Ending): Promise<void> {
  for (const file of FILES) {
    const value = await site.value(file);
    const isOutgoing = value === site.outgoing.secret;
    if (isOutgoing !== (ending.value === "outgoing"))
      throw new Error(`${file} holds ${isOutgoing ? "the outgoing key" : "another key"}`);
  }
  const left = (await site.listing()).filter(
    (name) =>
      !/^((eu|us)\.env|\.(eu|us)\.env\.keyturn-marks|keyturn\.yaml|audit\.jsonl(\.host)?|other\.env)$/.test(name),
  );
  // A lock that its maker died before taking is a file with a process id in it, and stops nobody.
  for (const name of left.filter((each) => UNTAKEN_LOCK.test(each))) {
    if ((await readFile(join(site.dir, name), "utf8")).includes("sk-ant")) throw new Error(`${name} holds a key`);
  }
  // While the old value may still be put back it is kept beside the file; temporary files and locks are never left.
  const mayStay = (name: string) =>
    UNTAKEN_LOCK.test(name) || (record.endedAt === null && name.endsWith(".keyturn-pending"));
  same(
    "files left behind",
    left.filter((name) => !mayStay(name)),
    [],
  );
}
