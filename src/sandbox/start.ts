import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { World } from "./api.ts";
import { FaultRules } from "./faults.ts";
import { digestOf, entropy, makeId, makeKeyText } from "./identifiers.ts";
import type { Entropy } from "./identifiers.ts";
import { noLines, openLines } from "./lines-file.ts";
import type { Event } from "./model.ts";
import { Organization } from "./organization.ts";
import { RequestLog } from "./request-log.ts";
import { handle } from "./server.ts";

export interface SandboxOptions {
  /** 0 (default): any free port. */
  port?: number;
  /** Folder for the journal, the request log and the first Admin key. Absent: nothing is kept. */
  state?: string;
  /** Makes ids and keys repeatable. */
  seed?: string;
  /** Real time, for tests with a clock of their own. */
  now?: () => number;
}

export interface Sandbox {
  url: string;
  /** The Admin key made at the first start. */
  adminKey: string;
  organization: { id: string; name: string; defaultWorkspaceId: string };
  /** Breaks open connections off and closes the files. Safe to repeat. */
  close(): Promise<void>;
}

/** A simulated organization on 127.0.0.1 in this process. One state folder belongs to one sandbox at a time. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const realNow = options.now ?? Date.now;
  const directory = options.state ?? null;
  const organization = new Organization(realNow);
  const repeat = (line: string): void => {
    for (const event of JSON.parse(line) as Event[]) organization.apply(event);
  };
  const journal = directory === null ? noLines : openLines(join(directory, "journal.jsonl"), repeat);
  organization.attach(journal);
  const source = entropy(options.seed ?? null, organization.events);
  const log = new RequestLog(directory);
  const world: World = { organization, faults: new FaultRules(), log, source, realNow };
  const adminKey = found(world, directory);

  const server = createServer((request, response) => void handle(request, response, world));
  // Tests hang requests on purpose; only the client decides how long it waits.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      server.close(() => {
        journal.close();
        log.close();
        resolve();
      });
      server.closeAllConnections();
    }));
  return { url: `http://127.0.0.1:${port}`, adminKey, organization: { ...organization.self }, close };
}

/** The organization's first rows; on a later start only its Admin key is read back, or made anew if its file is gone. */
function found(world: World, directory: string | null): string {
  const { organization, source } = world;
  const file = directory === null ? null : join(directory, "admin-key");
  const exists = organization.self.id !== "";
  if (exists && file !== null && existsSync(file)) return readFileSync(file, "utf8").trim();
  const adminKey = makeKeyText("admin01", source);
  // The key's text first: a journal without it would be an organization nobody can enter.
  if (file !== null) writeFileSync(file, `${adminKey}\n`, { mode: 0o600 });
  const row = { id: makeId("apikey", source), name: "first", digest: digestOf(adminKey), active: true };
  organization.commit([...(exists ? [] : firstRows(source, organization.now())), { t: "admin_key", row }]);
  return adminKey;
}

function firstRows(source: Entropy, at: number): Event[] {
  const hex = source.bytes(16).toString("hex");
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  const defaultWorkspaceId = makeId("wrkspc", source);
  const admin = { email: "admin@example.com", name: "Admin", role: "admin", addedAt: at };
  return [
    { t: "organization", row: { id: uuid, name: "Sandbox", defaultWorkspaceId } },
    { t: "workspace", row: { id: defaultWorkspaceId, name: "Default", createdAt: at, archivedAt: null } },
    { t: "user", row: { id: makeId("user", source), ...admin } },
  ];
}
