import type { Series } from "./promtool.ts";

/** One situation, and whether an alert fires in it at that moment; time starts at 0. */
export interface Case {
  alert: string;
  when: string;
  series: Series;
  at: string;
  fires: boolean;
  severity?: "critical" | "warning";
}

const DAY = 86_400;
const HOUR = 3600;
/** The value stays until the case is looked at. */
const still = (value: number) => `${value}x*`;
/** Two replicas tell the same: every alert must fire once. */
const on = (name: string, labels: string, values: string): Series => ({
  [`${name}{${labels}${labels === "" ? "" : ","}job="keyturn",instance="a"}`]: values,
  [`${name}{${labels}${labels === "" ? "" : ","}job="keyturn",instance="b"}`]: values,
});
const ROTATION = 'target="billing",rotation="rot_1"';
const entered = (state: string, next: string, at = 0) =>
  on("keyturn_rotation_state_entered_timestamp_seconds", `${ROTATION},state="${state}",next="${next}"`, still(at));
const attention = (code: string, values = still(1)) =>
  on("keyturn_rotation_attention", `${ROTATION},code="${code}"`, values);
const deadline = (at: number) => on("keyturn_rotation_deadline_timestamp_seconds", ROTATION, still(at));
const drainLimit = (at: number) => on("keyturn_rotation_drain_limit_timestamp_seconds", ROTATION, still(at));
const age = (days: number, limitDays = 90) => ({
  ...on("keyturn_target_key_age_seconds", 'target="billing"', still(days * DAY)),
  ...on("keyturn_target_key_max_age_seconds", 'target="billing"', still(limitDays * DAY)),
});
const problem = (code: string) => on("keyturn_target_problem", `target="billing",code="${code}"`, still(1));
const readable = (values: string) => on("keyturn_collection_success", 'part="records"', values);
const scans = (scheduled: number, last: number | null) => ({
  ...on("keyturn_scan_scheduled_timestamp_seconds", "", still(scheduled)),
  ...(last === null ? {} : on("keyturn_last_scan_timestamp_seconds", "", still(last))),
});
const denied = (code: string, operation: string, values: string) =>
  on("keyturn_provider_requests_total", `provider="anthropic",operation="${operation}",code="${code}"`, values);
const slackCalls = (ok: string, failed: string) => ({
  ...on("keyturn_provider_requests_total", 'provider="slack",operation="chat.postMessage",code="ok"', ok),
  ...on("keyturn_provider_requests_total", 'provider="slack",operation="chat.postMessage",code="no_answer"', failed),
});
const openedFor = (reason: string) =>
  on("keyturn_rotation_info", `${ROTATION},reason="${reason}",urgency="urgent"`, still(1));

export const CASES: readonly Case[] = [
  { alert: "Absent", when: "nothing was ever scraped", series: {}, at: "11m", fires: true, severity: "critical" },
  {
    alert: "Absent",
    when: "every replica is up and cannot read the records",
    series: readable(still(0)),
    at: "11m",
    fires: true,
  },
  { alert: "Absent", when: "the records are readable", series: readable(still(1)), at: "1h", fires: false },
  {
    alert: "Absent",
    when: "one replica of two cannot read them",
    series: {
      ...readable(still(1)),
      'keyturn_collection_success{part="records",job="keyturn",instance="b"}': still(0),
    },
    at: "1h",
    fires: false,
  },
  { alert: "Absent", when: "nothing for nine minutes", series: readable("1 0x30"), at: "9m", fires: false },

  {
    alert: "KeyOverdue",
    when: "3 days and an hour past the limit",
    series: age(93.05),
    at: "1h",
    fires: true,
    severity: "warning",
  },
  { alert: "KeyOverdue", when: "over a weekend past the limit", series: age(92.9), at: "2h", fires: false },
  {
    alert: "KeyOverdue",
    when: "11 days past the limit",
    series: age(101),
    at: "1h",
    fires: true,
    severity: "critical",
  },
  { alert: "KeyOverdue", when: "the limit is longer", series: age(101, 120), at: "2h", fires: false },
  {
    alert: "KeyExpiring",
    when: "two days before it expires",
    series: on("keyturn_target_key_expires_timestamp_seconds", 'target="billing"', still(2 * DAY)),
    at: "15m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "KeyExpiring",
    when: "five days before it expires",
    series: on("keyturn_target_key_expires_timestamp_seconds", 'target="billing"', still(5 * DAY)),
    at: "1h",
    fires: false,
  },

  {
    alert: "RotationHalfDone",
    when: "an hour and a quarter past the drain limit",
    series: { ...entered("draining", "clock"), ...drainLimit(HOUR) },
    at: "2h20m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "RotationHalfDone",
    when: "before the drain limit",
    series: { ...entered("draining", "clock"), ...drainLimit(5 * HOUR) },
    at: "5h",
    fires: false,
  },
  {
    alert: "RotationHalfDone",
    when: "a hold stops the drain",
    series: { ...entered("draining", "clock"), ...drainLimit(HOUR), ...attention("held") },
    at: "5h",
    fires: false,
  },
  {
    alert: "RotationHalfDone",
    when: "promoting for 6 hours, whatever the attention says",
    series: { ...entered("promoting", "us"), ...attention("store_denied") },
    at: "6h20m",
    fires: true,
  },
  {
    alert: "RotationHalfDone",
    when: "propagating for 5 hours",
    series: entered("propagating", "consumers"),
    at: "5h",
    fires: false,
  },
  {
    alert: "RotationHalfDone",
    when: "reinstated for a day and nobody decides",
    series: entered("reinstated", "person"),
    at: "24h20m",
    fires: true,
  },
  {
    alert: "RotationHalfDone",
    when: "reinstated this morning",
    series: entered("reinstated", "person"),
    at: "8h",
    fires: false,
  },
  {
    alert: "RotationHalfDone",
    when: "most of a day in its grace period",
    series: entered("grace_period", "clock"),
    at: "20h",
    fires: false,
  },

  {
    alert: "RotationStuck",
    when: "Keyturn is next for 65 minutes",
    series: entered("verifying", "us"),
    at: "1h6m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "RotationStuck",
    when: "Keyturn is next for 59 minutes",
    series: entered("verifying", "us"),
    at: "59m",
    fires: false,
  },
  {
    alert: "RotationStuck",
    when: "an attention says why",
    series: { ...entered("verifying", "us"), ...attention("admin_unavailable") },
    at: "3h",
    fires: false,
  },
  {
    alert: "RotationStuck",
    when: "a person is next",
    series: entered("awaiting_approval", "approver"),
    at: "5h",
    fires: false,
  },

  {
    alert: "AwaitingTooLong",
    when: "more than half of the time is over",
    series: { ...entered("awaiting_approval", "approver"), ...deadline(4 * HOUR) },
    at: "2h20m",
    fires: true,
    severity: "warning",
  },
  {
    alert: "AwaitingTooLong",
    when: "less than half of the time is over",
    series: { ...entered("awaiting_replacement", "operator"), ...deadline(4 * HOUR) },
    at: "1h55m",
    fires: false,
  },
  {
    alert: "AwaitingTooLong",
    when: "a compromised key has no replacement after an hour",
    series: entered("awaiting_replacement", "operator"),
    at: "1h10m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "AwaitingTooLong",
    when: "a compromised key, 50 minutes ago",
    series: entered("awaiting_replacement", "operator"),
    at: "50m",
    fires: false,
  },
  {
    alert: "AwaitingTooLong",
    when: "Keyturn is next",
    series: { ...entered("verifying", "us"), ...deadline(HOUR) },
    at: "5h",
    fires: false,
  },

  {
    alert: "OutgoingStillUsed",
    when: "it is still used past the drain limit",
    series: attention("outgoing_still_used"),
    at: "6m",
    fires: true,
    severity: "warning",
  },
  {
    alert: "OutgoingStillUsed",
    when: "another destination still holds it",
    series: attention("outgoing_in_use_elsewhere"),
    at: "6m",
    fires: true,
  },
  { alert: "OutgoingStillUsed", when: "another attention", series: attention("clock"), at: "1h", fires: false },

  {
    alert: "VerificationFailing",
    when: "a replacement is rejected",
    series: attention("key_rejected"),
    at: "11m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "VerificationFailing",
    when: "the value in use is rejected",
    series: problem("value_rejected"),
    at: "11m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "VerificationFailing",
    when: "three keys were rejected within the hour",
    series: on("keyturn_events_total", 'event="key_rejected"', "0 1 2 3x60"),
    at: "14m",
    fires: true,
  },
  {
    alert: "VerificationFailing",
    when: "one key was rejected and the next is verified",
    series: on("keyturn_events_total", 'event="key_rejected"', "0 1x60"),
    at: "30m",
    fires: false,
  },
  {
    alert: "VerificationFailing",
    when: "a replacement is doubted for five minutes",
    series: attention("verification_inconclusive", "1x5 _x60"),
    at: "12m",
    fires: false,
  },

  {
    alert: "ScanStale",
    when: "the scheduled scan has not ended well for an hour",
    series: scans(0, -DAY),
    at: "1h1m",
    fires: true,
    severity: "warning",
  },
  { alert: "ScanStale", when: "no scan ever worked", series: scans(0, null), at: "1h1m", fires: true },
  { alert: "ScanStale", when: "the scan takes 40 minutes", series: scans(0, -DAY), at: "40m", fires: false },
  {
    alert: "ScanStale",
    when: "no scan was asked for over the weekend",
    series: scans(-3 * DAY, -3 * DAY + 20),
    at: "5h",
    fires: false,
  },

  {
    alert: "ProviderDenied",
    when: "the Admin API refuses the list of keys",
    series: denied("401", "list_keys", "0x5 1x60"),
    at: "13m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "ProviderDenied",
    when: "a submitted key is rejected by a live call",
    series: denied("401", "list_models", "0x5 1x60"),
    at: "13m",
    fires: false,
  },
  {
    alert: "ProviderDenied",
    when: "the usage analytics are not for this key",
    series: denied("403", "usage", "0x5 1x60"),
    at: "13m",
    fires: false,
  },
  {
    alert: "ProviderDenied",
    when: "nothing but 200s",
    series: { ...denied("200", "list_keys", "0+1x60"), ...denied("401", "list_keys", "0x60") },
    at: "30m",
    fires: false,
  },
  {
    alert: "ProviderDenied",
    when: "a secrets manager refuses our role",
    series: problem("store_denied"),
    at: "6m",
    fires: true,
  },

  {
    alert: "DeactivatedElsewhere",
    when: "the key in use was deactivated and its replacement is not there",
    series: { ...openedFor("deactivated_elsewhere"), ...entered("awaiting_replacement", "operator") },
    at: "1m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "DeactivatedElsewhere",
    when: "the replacement is promoted",
    series: { ...openedFor("deactivated_elsewhere"), ...entered("draining", "clock") },
    at: "1h",
    fires: false,
  },
  {
    alert: "DeactivatedElsewhere",
    when: "the outgoing key died while its replacement was awaited",
    series: attention("outgoing_dead"),
    at: "1m",
    fires: true,
  },
  {
    alert: "DeactivatedElsewhere",
    when: "an ordinary rotation",
    series: { ...openedFor("age"), ...entered("awaiting_replacement", "operator") },
    at: "1h",
    fires: false,
  },

  {
    alert: "WorkOverdue",
    when: "rotations are overdue for ten minutes, as every replica sees",
    series: on("keyturn_overdue_rotations", "", still(3)),
    at: "11m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "WorkOverdue",
    when: "the worker was away for eight minutes",
    series: on("keyturn_overdue_rotations", "", "0x2 3x7 0x20"),
    at: "20m",
    fires: false,
  },
  {
    alert: "SlackUnreachable",
    when: "calls fail and none succeeds",
    series: slackCalls("0x60", "0+1x60"),
    at: "20m",
    fires: true,
    severity: "warning",
  },
  {
    alert: "SlackUnreachable",
    when: "it failed from the first call on, and is tried each five minutes",
    series: slackCalls("0x60", "1 1 1 1 1 2 2 2 2 2 3 3 3 3 3 4 4 4 4 4 5 5 5 5 5 6x30"),
    at: "25m",
    fires: true,
  },
  {
    alert: "SlackUnreachable",
    when: "some calls fail, others succeed",
    series: slackCalls("0+1x60", "0+1x60"),
    at: "1h",
    fires: false,
  },
  { alert: "SlackUnreachable", when: "nobody calls it", series: slackCalls("5x60", "3x60"), at: "1h", fires: false },
  {
    alert: "SlackUnreachable",
    when: "no replica is connected over Socket Mode",
    series: on("keyturn_slack_socket_connected", "", still(0)),
    at: "16m",
    fires: true,
  },
  {
    alert: "SlackUnreachable",
    when: "one replica of two is connected",
    series: {
      ...on("keyturn_slack_socket_connected", "", still(1)),
      'keyturn_slack_socket_connected{job="keyturn",instance="b"}': still(0),
    },
    at: "1h",
    fires: false,
  },

  {
    alert: "RedisUnsafe",
    when: "eviction was turned on",
    series: on("keyturn_redis_safe", "", still(0)),
    at: "6m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "RedisUnsafe",
    when: "it is set up well",
    series: on("keyturn_redis_safe", "", still(1)),
    at: "1h",
    fires: false,
  },

  {
    alert: "AuditFailing",
    when: "entries cannot be written",
    series: on("keyturn_audit_append_failures_total", "", "0x5 1x60"),
    at: "8m",
    fires: true,
    severity: "critical",
  },
  {
    alert: "AuditFailing",
    when: "a rotation waits for the sink",
    series: attention("sink_failing"),
    at: "1m",
    fires: true,
  },
  {
    alert: "AuditFailing",
    when: "the chain is broken",
    series: on("keyturn_audit_chain_intact", "", still(0)),
    at: "1m",
    fires: true,
  },
  {
    alert: "AuditFailing",
    when: "the last failure was an hour ago, and the chain is whole",
    series: {
      ...on("keyturn_audit_append_failures_total", "", "0 1x200"),
      ...on("keyturn_audit_chain_intact", "", still(1)),
    },
    at: "1h5m",
    fires: false,
  },

  {
    alert: "NeedsAttention",
    when: "for half an hour",
    series: attention("clock"),
    at: "31m",
    fires: true,
    severity: "warning",
  },
  { alert: "NeedsAttention", when: "for twenty minutes", series: attention("clock"), at: "20m", fires: false },
  {
    alert: "NeedsAttention",
    when: "a person set a hold and means it",
    series: attention("held"),
    at: "5h",
    fires: false,
  },
];
