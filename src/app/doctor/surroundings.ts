import type { ChainVerdict } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory } from "../../ports/directory.ts";
import type { KeyAdmin } from "../../ports/key-admin.ts";
import type { ProcessSeen } from "../../ports/processes.ts";
import type { SafetyProblem } from "../../ports/redis-safety.ts";
import type { Stores } from "../../ports/secret-store.ts";
import type { Settings } from "../../ports/settings.ts";
import type { Instant } from "../../rotation/record.ts";

/** What the doctor asks of Redis. Each call is bounded in time. @throws REDIS_UNAVAILABLE */
export interface RedisPatient {
  /** For messages; without credentials. */
  where: string;
  topology: "standalone" | "sentinel" | "cluster" | "embedded";
  /** `redis` or `valkey`, and its version; null when it does not tell. */
  product(): Promise<{ name: string; version: string | null }>;
  /** What may lose confirmed data; `refuse` is what `serve` refuses to start on. */
  safety(): Promise<readonly SafetyProblem[]>;
  time(): Promise<Instant>;
  /** Processes that work on rotations now (`serve`); null when the server does not let us ask. */
  workers(): Promise<number | null>;
  /** The processes of this installation that say that they are at work. */
  processes(): Promise<readonly ProcessSeen[]>;
  /** End of the last scan that worked; null: there was none. */
  lastScan(): Promise<Instant | null>;
}

/** What the doctor asks of Slack, beyond people. @throws SLACK_UNAVAILABLE, SLACK_REFUSED (`reason`: Slack's code) */
export interface SlackPatient {
  directory: Directory;
  call(method: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** With the app-level token; null: clicks come over HTTP. */
  appCall: ((method: string) => Promise<Record<string, unknown>>) | null;
  /** Of the configuration; null: not named there. */
  teamId: string | null;
  appId: string | null;
  /** Every channel that is posted to, with the place in the configuration that names it first. */
  channels: readonly { id: string; path: string }[];
}

/**
 * An installation as the doctor looks at it. Nothing here announces a configuration, opens a rotation or enqueues work, so
 * that it can be asked beside a running `serve`, and with a configuration that is not in use yet.
 */
export interface Surroundings {
  clock: Clock;
  settings: Settings;
  configuration: {
    file: string;
    stores: readonly string[];
    warnings: readonly { path: string; message: string }[];
  };
  /** Every secret that the configuration refers to. `check` reads it. @throws CONFIG_INVALID */
  secrets: readonly { path: string; ref: string; check(): void }[];
  /** Connects once, and answers every caller the same. @throws REDIS_UNAVAILABLE, CONFIG_INVALID */
  redis(): Promise<RedisPatient>;
  admin: KeyAdmin;
  stores: Stores;
  /** This machine's name, and the names of stores whose files belong to one host (R10). */
  oneHost: { host: string; stores: readonly string[] };
  audit: {
    file: string | null;
    log: boolean;
    /** Leaves the file as it is. `exists`: whether there is one yet. @throws SINK_UNAVAILABLE */
    writable(): Promise<{ exists: boolean }>;
    /** Compared with Redis where that answers. */
    verify(): Promise<ChainVerdict>;
    /** Number of the last record that Redis knows; null: none. @throws REDIS_UNAVAILABLE */
    head(): Promise<number | null>;
  };
  slack: SlackPatient | null;
  /** Names of API tokens that may decide. */
  decidingTokens: readonly string[];
  /** Whether people sign in with OpenID Connect. */
  oidc: boolean;
  /** Names of webhooks. */
  webhooks: readonly string[];
  /** Asks an address once, without following redirects. `status` null: no answer, `why` in words. */
  fetchJson(url: string): Promise<{ status: number; json: unknown } | { status: null; why: string }>;
  schedule: {
    /** As written. */
    mode: "embedded" | "cronjob";
    scan: string;
    /** When a scan was due last; null: never. */
    previousAt(): Instant | null;
    /** The longest time without a scan in the next weeks, in milliseconds; null: it never fires. */
    longestPauseMs(): number | null;
  };
}
