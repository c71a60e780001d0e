import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { createRedisMock } from "js-redis-server";
import { createAuditTrail } from "../../src/audit/trail.ts";
import type { AuditDraft, AuditEntry } from "../../src/ports/audit.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { createRedisHolds } from "../../src/redis/holds.ts";
import { createRedisJournal } from "../../src/redis/journal.ts";
import { createRedisRotations } from "../../src/redis/rotations.ts";
import type { Rotation } from "../../src/rotation/record.ts";

export interface Server {
  connect(): Redis;
  flush(): Promise<void>;
  stop(): Promise<void>;
}
export type StartServer = (options?: readonly string[]) => Promise<Server>;

/** The in-memory server in JavaScript: enough for the quick suite. */
export const jsServer: StartServer = async () => {
  const mock = await createRedisMock();
  const clients: Redis[] = [];
  return {
    connect: () => connected(clients, new Redis(mock.url, { enableOfflineQueue: true, maxRetriesPerRequest: 1 })),
    flush: () => mock.flush(),
    stop: async () => {
      for (const client of clients) client.disconnect();
      await mock.close();
    },
  };
};

/** Three masters: a script whose keys lie in more than one slot fails here. */
export const jsCluster: StartServer = async () => {
  const mock = await createRedisMock({ cluster: { masters: 3 } });
  const clients: Cluster[] = [];
  return {
    connect: () => {
      const client = new Cluster(mock.addresses());
      clients.push(client);
      // A Cluster has all the commands we use (RedisClient); only the class is another.
      return client as unknown as Redis;
    },
    flush: () => mock.flush(),
    stop: async () => {
      for (const client of clients) client.disconnect();
      await mock.close();
    },
  };
};

/** A real redis-server on a socket of its own. Missing: the test fails, it is not skipped. */
export const realServer: StartServer = async (options = []) => {
  const folder = await mkdtemp(join(tmpdir(), "kt-redis-"));
  const socket = join(folder, "s");
  const flags = [
    "--port",
    "0",
    "--unixsocket",
    socket,
    "--dir",
    folder,
    "--save",
    "",
    "--appendonly",
    "no",
    ...options,
  ];
  const server: ChildProcess = spawn("redis-server", flags, { stdio: "ignore" });
  await once(server, "spawn");
  const clients: Redis[] = [];
  const connect = () =>
    connected(clients, new Redis({ path: socket, maxRetriesPerRequest: 20, retryStrategy: () => 20 }));
  for (const first = connect(); (await first.ping().catch(() => null)) !== "PONG";) await pause(10);
  return {
    connect,
    flush: async () => void (await clients[0]?.flushall()),
    stop: async () => {
      for (const client of clients) client.disconnect();
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
};

function connected(clients: Redis[], client: Redis): Redis {
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}

export const T0 = Date.UTC(2026, 10, 20);

/** A clock that only tests move. */
export function testClock(): Clock & { at: number } {
  const clock = { at: T0, now: () => clock.at, sleep: async () => undefined };
  return clock;
}

/** Everything one Keyturn process has of Redis and the audit chain. */
export function aProcess(
  redis: Redis,
  file: string | null,
  install = "kt",
  clock: Clock = testClock(),
  host = "host-of-the-tests",
  logIsKept = true,
) {
  const logged: AuditEntry[] = [];
  const journal = createRedisJournal({ redis, install });
  const trail = createAuditTrail({
    journal,
    install,
    file,
    clock,
    host,
    logIsKept,
    log: (entry) => logged.push(entry),
  });
  const rotations = createRedisRotations({ redis, install, chain: trail.writer });
  const holds = createRedisHolds({ redis, install, chain: trail.writer });
  return { redis, journal, trail, rotations, holds, logged };
}
export type Process = ReturnType<typeof aProcess>;

export function aDraft(more: Partial<AuditDraft> = {}): AuditDraft {
  return {
    at: T0,
    rotation: null,
    target: null,
    action: "test.happened",
    actor: "keyturn",
    via: "test",
    evidence: {},
    ...more,
  };
}

export function aRotation(more: Partial<Rotation> = {}): Rotation {
  const key = {
    id: "apikey_1",
    name: "prod",
    hint: null,
    fingerprint: null,
    createdAt: T0,
    expiresAt: null,
    createdBy: null,
  };
  return {
    schema: 1,
    id: "rot_1",
    install: "kt",
    revision: 1,
    target: "billing",
    reason: "age",
    state: "awaiting_approval",
    resumeState: null,
    rollbackCause: null,
    revokeReplacement: false,
    needsProceed: false,
    plan: {
      targets: ["billing"],
      outgoingKeyId: "apikey_1",
      urgency: "routine",
      destinations: [],
      approvals: 1,
      drain: { quietForMs: 0, limitMs: 0 },
      gracePeriodMs: 0,
      requiredName: null,
    },
    planHash: "",
    timing: { replacementWithinMs: 0, approvalExpiresAfterMs: 0, propagationLimitMs: 0, noUsageCheck: false },
    outgoing: { ...key, organizationId: null, workspaceId: null, principal: null, scope: "workspace" },
    replacement: null,
    progress: [],
    approvals: [],
    approvalsNeeded: 1,
    rebuilt: null,
    attention: null,
    intent: null,
    lease: null,
    retry: null,
    createdAt: T0,
    enteredAt: T0,
    deadline: null,
    wakeAt: null,
    propagatedAt: null,
    drainLimitAt: null,
    graceEndsAt: null,
    heldAt: null,
    deactivatedAt: null,
    endedAt: null,
    notBefore: null,
    revokeAt: null,
    cleanedUp: false,
    submittedBy: null,
    acceptExpiry: false,
    ownUse: { requests: 0, tokens: 0 },
    history: [],
    ...more,
  };
}

/** Commits a record with one entry about it that carries the checkpoint. */
export function save(
  process: Process,
  record: Rotation,
  expectedRevision = record.revision - 1,
  locks: readonly string[] = [],
): Promise<void> {
  const draft = aDraft({ rotation: record.id, target: record.target, action: "rotation.changed", checkpoint: record });
  return process.rotations.commit({ record, expectedRevision, locks, audit: [draft] });
}

/** A folder that is gone after the test. */
export async function aFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "kt-audit-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
