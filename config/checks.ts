import { createRequire } from "node:module";
import type { validate } from "node-cron";
import type { Path } from "./problems.ts";
import type { Config } from "./schema.ts";
import { resolvePolicy } from "./settings.ts";
import { formatDuration } from "./duration.ts";
import { type Names, type Report, checkHolds, checkRules, checkStores, checkTargets } from "./places.ts";
import { checkTracing } from "./tracing.ts";

/** What no single field can tell: how they fit together. Pure; reports everything it finds. */
export function checkConfig(config: Config, names: Names, report: Report): void {
  checkRedis(config, report);
  checkSchedule(config, report);
  checkPolicies(config, report);
  checkStores(config, report);
  checkTargets(config, names, report);
  checkRules(config, names, report);
  checkHolds(config, names, report);
  checkPeople(config, report);
  checkTracing(config, report);
  if (config.audit.file === undefined && !config.audit.log) {
    report(["audit", "log"], "without a file the log is the only audit sink; set `log: true` or name a `file`");
  }
  const { port, metricsPort } = config.http;
  if (port !== 0 && port === metricsPort) report(["http", "metricsPort"], "must differ from http.port");
}

/** Ways in that could never work, or that nobody could use. */
function checkPeople(config: Config, report: Report): void {
  const { slack, signIn, http, targets } = config;
  if (slack !== undefined && slack.signingSecret === undefined && slack.appToken === undefined) {
    report(["slack"], "needs signingSecret (clicks over HTTP) or appToken (clicks over Socket Mode)");
  }
  if (slack === undefined) {
    for (const [name, { channel }] of Object.entries(targets))
      if (channel !== undefined) report(["targets", name, "channel"], "has no meaning without a `slack` section");
  }
  if (http.publicUrl !== undefined && new URL(http.publicUrl).pathname !== "/") {
    report(["http", "publicUrl"], "must not have a path: the pages and Slack's addresses begin at the root");
  }
  if (signIn.oidc !== undefined && http.publicUrl === undefined) {
    report(["signIn", "oidc"], "needs http.publicUrl, the address that the issuer sends people back to");
  }
}

function checkRedis({ redis }: Config, report: Report): void {
  const given = (["url", "sentinels", "cluster", "embedded"] as const).filter((key) => redis[key] !== undefined);
  if (given.length > 1) report(["redis"], `has ${given.join(" and ")}; keep one of them`);
  if (redis.embedded !== undefined && redis.tls !== undefined && redis.tls !== false) {
    report(["redis", "tls"], "has no meaning with `embedded`: that server is reached through a local socket");
  }
}

function checkSchedule({ schedule }: Config, report: Report): void {
  if (!isCron(schedule.scan)) {
    report(
      ["schedule", "scan"],
      'is not a cron expression; five fields such as "0 9 * * 1-5" (9:00, Monday to Friday)',
    );
  }
  if (!isTimeZone(schedule.timeZone)) {
    report(
      ["schedule", "timeZone"],
      `${schedule.timeZone} is not an IANA time zone; write one such as UTC or Europe/Berlin`,
    );
  }
}

function isCron(expression: string): boolean {
  if (expression === "0 9 * * 1-5") return true; // the default: nothing to load
  // Loaded here only: a command that runs for 100 ms should not spend 20 of them on a scheduler.
  const cron = createRequire(import.meta.url)("node-cron") as { validate: typeof validate };
  return cron.validate(expression);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "" && !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

function checkPolicies(config: Config, report: Report): void {
  const places: { at: Path; own: Config["targets"][string]["policy"] }[] = [
    { at: ["policy"], own: undefined },
    ...Object.entries(config.targets).map(([name, { policy }]) => ({ at: ["targets", name, "policy"], own: policy })),
    ...config.rules.map(({ policy }, index) => ({ at: ["rules", index, "policy"], own: policy })),
  ];
  for (const { at, own } of places) {
    if (own === undefined && at.length > 1) continue; // the same as `policy`, reported there
    const { drain, approval } = resolvePolicy(config, own);
    if (drain.quietForMs > drain.limitMs) {
      const [quietFor, limit] = [formatDuration(drain.quietForMs), formatDuration(drain.limitMs)];
      report(
        [...at, "drain", "quietFor"],
        `${quietFor} is longer than drain.limit (${limit}), so nothing could ever drain`,
      );
    }
    if (drain.quietForMs === 0 && !drain.acceptNoUsageCheck) {
      report(
        [...at, "drain", "quietFor"],
        "0s deactivates a key without checking that it is unused; to accept that, add `acceptNoUsageCheck: true`",
      );
    }
    if (approval.required && approval.approvals < 1) {
      report([...at, "approval", "approvals"], "must be at least 1, or set `required: false`");
    }
  }
}
