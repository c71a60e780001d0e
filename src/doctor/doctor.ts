import { hostname } from "node:os";
import type { LoadedConfig } from "../../config/load.ts";
import { resolveSecret } from "../../config/secrets.ts";
import { isOfOneHost } from "../attendance.ts";
import { createKeyAdmin } from "../anthropic/key-admin.ts";
import { type DoctorReport, examine } from "../app/doctor/doctor.ts";
import type { Surroundings } from "../app/doctor/surroundings.ts";
import type { PinoLog } from "../cli/log.ts";
import { systemClock } from "../clock.ts";
import { auditPatient } from "./audit.ts";
import { redisPatient } from "./redis.ts";
import { fetchJson } from "./fetch-json.ts";
import { referencesOf } from "./references.ts";
import { fireTimesOf } from "../schedule/fire-times.ts";
import { longestPause } from "../schedule/longest-pause.ts";
import { slackPatient } from "./slack.ts";
import { createStorePool } from "../store-pool.ts";

/** Within a check's 10 s, so that the API's own words are the answer. */
const ADMIN_LIMITS = { tries: 2, deadlineMs: 8000, attemptMs: 7000 };

/** How long the end may take, in milliseconds. */
const CLOSE_MS = 5000;

/**
 * Examines an installation from its configuration alone: unlike `compose` it announces nothing, and nothing that is away
 * keeps it from looking at the rest.
 */
export async function doctor(loaded: LoadedConfig, log: PinoLog): Promise<DoctorReport> {
  const { config, settings } = loaded;
  const clock = systemClock;
  const redis = redisPatient(loaded, log);
  const stores = createStorePool(config);
  const audit = auditPatient(loaded, redis.journal);
  const surroundings: Surroundings = {
    clock,
    settings,
    configuration: { file: loaded.file, stores: Object.keys(config.stores), warnings: loaded.warnings },
    secrets: referencesOf(config),
    redis: redis.open,
    admin: createKeyAdmin({
      baseUrl: config.anthropic.baseUrl,
      adminKey: () => resolveSecret(config.anthropic.adminKey, "anthropic.adminKey"),
      clock,
      log,
      limits: ADMIN_LIMITS,
      // Its few requests are not counted in the budget of all: that is kept in Redis, where nothing is written here.
    }),
    stores,
    oneHost: {
      host: hostname(),
      stores: Object.entries(config.stores).flatMap(([name, { type }]) => (isOfOneHost(type) ? [name] : [])),
    },
    audit,
    slack: slackPatient(loaded),
    decidingTokens: Object.entries(config.api.tokens).flatMap(([name, { scopes }]) =>
      scopes.includes("decide") ? [name] : [],
    ),
    oidc: config.signIn.oidc !== undefined,
    webhooks: Object.keys(config.webhooks),
    fetchJson,
    schedule: {
      mode: config.schedule.mode,
      scan: config.schedule.scan,
      previousAt: () => fireTimesOf(config.schedule.scan, config.schedule.timeZone).previous(clock.now()),
      longestPauseMs: () => longestPause(config.schedule.scan, config.schedule.timeZone, clock.now()),
    },
  };
  try {
    return await examine(surroundings);
  } finally {
    // What never answered a check may not answer now either.
    const ends = Promise.allSettled([audit.close(), stores.close(), redis.close()]);
    await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
  }
}
