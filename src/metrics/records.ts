import type { ChainHead } from "../ports/audit.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { STATES } from "../rotation/states.ts";
import { type Family, type Sample, gauge } from "./exposition.ts";

/** What is known of an installation at the moment of a scrape. */
export interface Observed {
  /** End of the last scan that worked; null: there was none. */
  lastScan: Instant | null;
  /** When the schedule last asked for a scan; null: never. */
  scanScheduled: Instant | null;
  scanned: { keys: number | null; durationMs: number | null };
  auditHead: ChainHead | null;
  open: readonly Rotation[];
  targets: { shown: readonly TargetFacts[]; total: number };
  unmanaged: { total: number };
  problems: { shown: readonly { code: string; target: string | null }[]; total: number };
}
export interface TargetFacts {
  name: string;
  ageMs: number | null;
  createdAt: Instant | null;
  expiresAt: Instant | null;
  maxAgeMs: number | null;
  dueAt: Instant | null;
}

/** Series per metric, whatever the installation's size: as many targets as a scan's report keeps. */
export const MOST = 2000;

const seconds = (ms: number): number => ms / 1000;

/**
 * The metrics of targets, rotations, scan and audit log. Pure: a target, rotation or problem that is gone has no series in
 * the next answer. Labels are target names, ids of open rotations and closed lists of codes; never a key id or a person.
 */
export function recordFamilies(seen: Observed): Family[] {
  const targets = seen.targets.shown.slice(0, MOST);
  const open = seen.open.slice(0, MOST);
  const perTarget = (name: string, help: string, of: (t: TargetFacts) => number | null): Family =>
    gauge(
      name,
      help,
      targets.flatMap((t): Sample[] => sample({ target: t.name }, of(t))),
    );
  const perRotation = (
    name: string,
    help: string,
    of: (r: Rotation) => number | null,
    more: (r: Rotation) => Record<string, string> = () => ({}),
  ): Family =>
    gauge(
      name,
      help,
      open.flatMap((r): Sample[] => sample({ target: r.target ?? "", rotation: r.id, ...more(r) }, of(r))),
    );
  return [
    gauge("keyturn_targets", "Targets of the configuration and of its rules.", seen.targets.total),
    perTarget("keyturn_target_key_age_seconds", "Age of the key that applications read.", (t) => t.ageMs),
    perTarget("keyturn_target_key_max_age_seconds", "Age at which the policy replaces the key.", (t) => t.maxAgeMs),
    perTarget(
      "keyturn_target_key_created_timestamp_seconds",
      "When the key that applications read was created.",
      (t) => t.createdAt,
    ),
    perTarget(
      "keyturn_target_key_expires_timestamp_seconds",
      "When the key that applications read expires by itself.",
      (t) => t.expiresAt,
    ),
    perTarget(
      "keyturn_target_due_timestamp_seconds",
      "When the policy proposes to replace the key, by the last scan.",
      (t) => t.dueAt,
    ),
    gauge(
      "keyturn_target_problem",
      "Problems that the last scan reported; without a target where they belong to none.",
      seen.problems.shown.map((p) => ({ labels: { target: p.target ?? "", code: p.code }, value: 1 })),
    ),
    gauge("keyturn_problems", "Problems that the last scan reported.", seen.problems.total),
    gauge("keyturn_unmanaged_keys", "Active keys that belong to no target, by the last scan.", seen.unmanaged.total),
    gauge("keyturn_open_rotations", "Rotations that have not ended.", seen.open.length),
    perRotation(
      "keyturn_rotation_info",
      "1 for each open rotation, with the reason it was opened for.",
      () => 1,
      (r) => ({ reason: r.reason, urgency: r.plan.urgency }),
    ),
    perRotation(
      "keyturn_rotation_state_entered_timestamp_seconds",
      "When an open rotation entered its state, and who is next.",
      (r) => r.enteredAt,
      (r) => ({ state: r.state, next: STATES[r.state] ?? "" }),
    ),
    perRotation(
      "keyturn_rotation_attention",
      "1 for each open rotation that needs a person, by the code of the reason.",
      (r) => (r.attention === null ? null : 1),
      (r) => ({ code: r.attention?.code ?? "" }),
    ),
    perRotation(
      "keyturn_rotation_deadline_timestamp_seconds",
      "When an open rotation stops waiting for a person.",
      (r) => r.deadline,
    ),
    perRotation(
      "keyturn_rotation_drain_limit_timestamp_seconds",
      "When the outgoing key of an open rotation should be out of use; only while it is waited for.",
      (r) => (r.state === "draining" ? r.drainLimitAt : null),
    ),
    gauge("keyturn_last_scan_timestamp_seconds", "End of the last scan that worked.", seen.lastScan),
    gauge("keyturn_last_scan_duration_seconds", "How long that scan took.", seen.scanned.durationMs),
    gauge("keyturn_last_scan_keys", "Keys of the organization that that scan listed.", seen.scanned.keys),
    gauge("keyturn_scan_scheduled_timestamp_seconds", "When the schedule last asked for a scan.", seen.scanScheduled),
    gauge("keyturn_audit_head_sequence", "Number of the newest entry of the audit log.", seen.auditHead?.seq ?? null),
  ].map(inSeconds);

  function sample(labels: Record<string, string>, value: number | null): Sample[] {
    return value === null ? [] : [{ labels, value }];
  }
}

/** Everything inside is in milliseconds, everything that is shown in seconds. */
const inSeconds = (family: Family): Family =>
  family.name.endsWith("_seconds")
    ? { ...family, samples: family.samples.map((s) => ({ ...s, value: seconds(s.value) })) }
    : family;
