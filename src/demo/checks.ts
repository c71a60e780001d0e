import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { Rotation } from "../rotation/record.ts";
import type { SandboxClient } from "../sandbox/client.ts";
import { type ApplicationReport, callLive } from "./application.ts";
import { type Folder, keyIn, restOf } from "./folder.ts";
import { type GoogleSecret, SECRET } from "./google.ts";
import type { CommandResult } from "./processes.ts";

/** One thing that must be true at the end. */
export interface Check {
  name: string;
  ok: boolean;
  text: string;
}

/** What the checks compare with. */
export interface Evidence {
  folder: Folder;
  sandbox: SandboxClient;
  record: Rotation;
  application: ApplicationReport;
  /** `app.env` without the key, as it was before. */
  rest: string;
  google: GoogleSecret;
  /** Of the keys seeded beside the outgoing one: nobody may touch them. */
  bystanders: readonly string[];
  /** The outgoing key's text, to look for where it must not be. */
  outgoingText: string;
  /** `keyturn audit verify --json`. */
  audit: CommandResult;
}

/** Looks at the files and at the other side's own account, not at what Keyturn says of itself. */
export async function checkAll(e: Evidence): Promise<Check[]> {
  const called = await callsAnswer(e);
  return [
    fileIsRight(e),
    await secretIsRight(e),
    called,
    await keysAreRight(e),
    applicationNeverFailed(e),
    await statusChanges(e),
    auditIsIntact(e),
    keyIsNowhereElse(e),
  ];
}

function fileIsRight({ folder, record, outgoingText, rest }: Evidence): Check {
  const key = keyIn(folder.envFile);
  const untouched = restOf(folder.envFile) === rest;
  const name = record.replacement?.name ?? "another key";
  const text = `app.env holds ${key === outgoingText ? "still the old key" : name}; its comments and other variables are ${untouched ? "as they were" : "changed"}`;
  return { name: "file", ok: untouched && key !== "" && key !== outgoingText, text };
}

async function secretIsRight({ folder, google }: Evidence): Promise<Check> {
  const [same, untouched] = [(await google.key()) === keyIn(folder.envFile), await google.othersUntouched()];
  return {
    name: "secret",
    ok: same && untouched,
    text: `secret ${SECRET} in the secrets manager holds ${same ? "the same key" : "another key"}; its other fields are ${untouched ? "as they were" : "changed"}`,
  };
}

/** Calls with what is in the file, and asks the sandbox whose key that was. */
async function callsAnswer({ folder, sandbox, record }: Evidence): Promise<Check> {
  const before = (await sandbox.state()).requests;
  const key = keyIn(folder.envFile);
  const models = await callLive(key, sandbox.url, "models");
  const message = await callLive(key, sandbox.url, "message");
  const used = new Set((await sandbox.requests(before)).filter((r) => r.credential === "key").map((r) => r.keyId));
  const isReplacement = used.size === 1 && used.has(record.replacement?.id ?? "");
  const shown = (status: number | null) => status ?? "no answer";
  return {
    name: "live",
    ok: models.status === 200 && message.status === 200 && isReplacement,
    text: `the key in app.env answers: models ${shown(models.status)}, one message ${shown(message.status)}${isReplacement ? "" : ", but it is another key"}`,
  };
}

async function keysAreRight({ sandbox, record, bystanders }: Evidence): Promise<Check> {
  const keys = await sandbox.keys();
  const status = (id: string | undefined) => keys.find((key) => key.id === id)?.status ?? "missing";
  const [old, now] = [status(record.outgoing.id), status(record.replacement?.id)];
  const others = bystanders.filter((id) => status(id) !== "active").length;
  return {
    name: "keys",
    ok: old === "archived" && now === "active" && others === 0,
    text: `the organization's own list: ${record.outgoing.name} ${old}, ${record.replacement?.name ?? "the replacement"} ${now}, ${bystanders.length - others} of ${bystanders.length} other keys untouched`,
  };
}

function applicationNeverFailed({ application: { ok, failed } }: Evidence): Check {
  return {
    name: "application",
    ok: failed === 0 && ok > 0,
    text: `the applications made ${ok + failed} calls through all of this: ${ok} ok, ${failed} failed`,
  };
}

async function statusChanges({ sandbox, record }: Evidence): Promise<Check> {
  const posts = (await sandbox.requests()).filter(
    (r) => r.method === "POST" && r.path.startsWith("/v1/organizations/api_keys/"),
  );
  const changes = posts.map((r) => r.bodyStatus ?? "other");
  const onlyOurs = posts.every((r) => r.path.endsWith(`/${record.outgoing.id}`));
  return {
    name: "status_changes",
    ok: onlyOurs && changes.join() === "inactive,archived",
    text: `calls that changed a key: ${changes.length} (${changes.join(", ")}), ${onlyOurs ? `all on ${record.outgoing.name}` : "not only on the outgoing key"}`,
  };
}

/** The verdict of `keyturn audit verify --json`. */
function auditIsIntact({ audit }: Evidence): Check {
  try {
    const verdict = JSON.parse(audit.stdout) as {
      intact?: boolean;
      entries?: number;
      head?: { seq: number; hash: string };
    };
    const ok = audit.exit === 0 && verdict.intact === true;
    const head = verdict.head ? `, head ${verdict.head.seq} ${verdict.head.hash.slice(0, 16)}…` : "";
    return {
      name: "audit",
      ok,
      text: `audit log ${ok ? "intact" : "NOT intact"}: ${verdict.entries ?? 0} records${head}`,
    };
  } catch {
    return { name: "audit", ok: false, text: `keyturn audit verify ended with ${audit.exit ?? "a signal"}` };
  }
}

/** Every file of the folder, Redis's and the logs too, is searched for both keys' text. */
function keyIsNowhereElse({ folder, outgoingText }: Evidence): Check {
  const keys = [outgoingText, keyIn(folder.envFile)].map((key) => Buffer.from(key));
  const found = readdirSync(folder.dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => file !== folder.envFile && keys.some((key) => readFileSync(file).includes(key)))
    .map((file) => relative(folder.dir, file));
  return {
    name: "key_text",
    ok: found.length === 0,
    text:
      found.length === 0
        ? "key text is in app.env and in no other file of the folder (logs, Redis, audit log …)"
        : `key text was found in ${found.join(", ")}`,
  };
}
