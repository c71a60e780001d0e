import { checkAdmin, checkModel, checkUsage } from "./admin.ts";
import { askPeople, checkEligible, NOBODY } from "./approvers.ts";
import { checkAudit } from "./audit.ts";
import { checkClocks, leadOf } from "./clocks.ts";
import { checkConfiguration, checkSecrets } from "./configuration.ts";
import type { Check, Finding } from "./finding.ts";
import { pass } from "./finding.ts";
import { checkPublicUrl } from "./public-url.ts";
import { checkRedis } from "./redis.ts";
import { checkReplicas } from "./replicas.ts";
import { runChecks } from "./run-checks.ts";
import { checkSchedule } from "./schedule.ts";
import { checkSlack } from "./slack.ts";
import { checkChannels } from "./slack-channels.ts";
import { storeChecks } from "./stores.ts";
import type { Surroundings } from "./surroundings.ts";

export interface DoctorReport {
  schema: 1;
  /** Nothing failed; warnings are allowed. */
  ok: boolean;
  checks: Finding[];
}

/**
 * Looks at everything an installation needs, side by side and bounded in time. Changes nothing that applications, people or
 * a running `serve` would notice; may be repeated and run beside anything. Never throws: what cannot be asked is a line.
 */
export async function examine(s: Surroundings): Promise<DoctorReport> {
  const checks = await runChecks(checksOf(s), s.clock);
  return { schema: 1, ok: checks.every(({ level }) => level !== "fail"), checks };
}

/** In the order of the report. */
function checksOf(s: Surroundings): Check[] {
  // Asked once; its clock is compared as well.
  let asked: ReturnType<Surroundings["admin"]["organization"]> | null = null;
  const ask = () => (asked ??= s.admin.organization());
  const adminLead = leadOf(s.clock, async () => (await ask()).serverTime);
  const redisLead = s.redis().then((redis) => leadOf(s.clock, () => redis.time()));
  for (const lead of [adminLead, redisLead]) lead.catch(() => undefined);
  return [
    { name: "configuration", run: async () => checkConfiguration(s) },
    { name: "secrets", run: async () => checkSecrets(s) },
    { name: "redis", run: () => checkRedis(s) },
    { name: "admin key", run: async () => checkAdmin(async () => (await ask()).value) },
    { name: "usage data", run: () => checkUsage(s) },
    { name: "verify model", run: async () => checkModel(s) },
    { name: "clocks", onTrouble: "warn", run: () => checkClocks({ redis: redisLead, admin: adminLead }) },
    ...storeChecks(s),
    { name: "audit file", run: () => checkAudit(s) },
    ...slackChecks(s),
    { name: "public URL", onTrouble: "warn", run: () => checkPublicUrl(s) },
    { name: "webhooks", run: async () => webhooks(s) },
    { name: "replicas", onTrouble: "warn", run: () => checkReplicas(s) },
    { name: "schedule", onTrouble: "warn", run: () => checkSchedule(s) },
  ];
}

function slackChecks(s: Surroundings): Check[] {
  const { slack } = s;
  if (slack === null) return [{ name: "approvals", run: async () => checkEligible(s, NOBODY) }];
  const people = async () => {
    const asked = await askPeople(slack.directory, s.settings);
    return [...asked.lines, ...checkEligible(s, asked)];
  };
  return [
    { name: "slack token", run: () => checkSlack(s, slack) },
    { name: "slack channels", run: () => checkChannels(slack) },
    { name: "approvals", run: people },
  ];
}

const webhooks = ({ webhooks: names }: Surroundings): Finding[] =>
  names.length === 0
    ? []
    : [
        pass(
          "webhooks",
          `${names.join(", ")}: nothing is sent, so whether they are reachable shows with the first event`,
        ),
      ];
