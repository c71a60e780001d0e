import { setTimeout as sleep } from "node:timers/promises";
import { CODE, type Request, SecretManager, StatusError, WRITES } from "../support/google/secret-manager.ts";
import { serveGoogle } from "../support/google/server.ts";
import { type Chronicle, NEIGHBOUR, type Place, digestOf, digestsOf } from "./places.ts";
import type { Random } from "./random.ts";

const PROJECT = "keyturn-chaos";
const PENDING = "-keyturn-pending";
const FAULTS = ["unavailable", "exhausted", "slow", "reply_lost"] as const;
type Fault = (typeof FAULTS)[number];
/** google.rpc.Code RESOURCE_EXHAUSTED: the quota. */
const RESOURCE_EXHAUSTED = 8;

const named = (secret: string): string => `projects/${PROJECT}/secrets/${secret}`;
const secretIn = (request: Request): string =>
  /\/secrets\/([^/]+)/.exec(request.name ?? request.parent ?? request.secret?.name ?? "")?.[1] ?? "";

/** Google Secret Manager, simulated, with faults and a history. */
export async function googlePlace(name: string, chronicle: Chronicle, random: Random): Promise<Place> {
  const state = new SecretManager();
  const fieldsOf = new Map<string, string[]>();
  let now: { kind: Fault; percent: number } | null = null;

  const versionsOf = (secret: string): string[] =>
    state
      .getSecret({ name: named(secret) })
      .versions.map((v) => (v.state === "ENABLED" ? v.data.toString("utf8") : ""));
  function record(touched: string): void {
    const secret = touched.endsWith(PENDING) ? touched.slice(0, -PENDING.length) : touched;
    const fields = fieldsOf.get(secret);
    if (fields === undefined) return;
    const text = versionsOf(secret).at(-1) ?? "";
    const pending = versionsOf(secret + PENDING).flatMap((each) => keysIn(each).map(digestOf));
    chronicle.note({ at: Date.now(), store: name, secret, ...digestsOf(text, fields), pending });
  }

  const server = await serveGoogle(state, {
    before: async () => {
      if (now === null || !random.chance(now.percent / 100)) return;
      if (now.kind === "unavailable") throw new StatusError(CODE.UNAVAILABLE, "The service is currently unavailable");
      if (now.kind === "exhausted") throw new StatusError(RESOURCE_EXHAUSTED, "Quota exceeded");
      if (now.kind === "slow") await sleep(6000);
    },
    after: (method, request) => {
      if (!WRITES.includes(method)) return;
      record(secretIn(request));
      if (now?.kind === "reply_lost" && random.chance(now.percent / 100))
        throw new StatusError(CODE.UNAVAILABLE, "read ECONNRESET");
    },
  });
  const add = (secret: string, text: string): void => {
    state.addSecretVersion({ parent: named(secret), payload: { data: Buffer.from(text) } });
    record(secret);
  };
  return {
    config: { type: "google-secret-manager", project: PROJECT, endpoint: server.endpoint, insecure: true },
    faults: FAULTS,
    create: (secret, keys) => {
      for (const id of [secret, secret + PENDING])
        state.createSecret({
          parent: `projects/${PROJECT}`,
          secretId: id,
          secret: { replication: { automatic: {} } },
        });
      fieldsOf.set(
        secret,
        Object.keys(keys).filter((field) => field !== ""),
      );
      add(secret, "" in keys ? (keys[""] ?? "") : JSON.stringify({ [NEIGHBOUR.name]: NEIGHBOUR.value, ...keys }));
      return Promise.resolve();
    },
    read: ({ secret, field }) => {
      const text = versionsOf(secret).at(-1) ?? "";
      return Promise.resolve(
        field === null ? text.trim() : ((JSON.parse(text) as Record<string, string>)[field] ?? ""),
      );
    },
    stage: ({ secret }, key) => Promise.resolve(add(secret + PENDING, key)),
    fault: (kind, percent) => {
      now = kind === null ? null : { kind: kind as Fault, percent };
    },
    close: () => Promise.resolve(server.close()),
  };
}

/** Whatever the form of a pending entry: the keys in it. */
const keysIn = (text: string): string[] => text.match(/sk-ant-[A-Za-z0-9_-]+/g) ?? [];
