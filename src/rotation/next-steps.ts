import type { AttentionCode } from "./codes.ts";
import type { Rotation } from "./record.ts";
import { destinationOf } from "./transition.ts";

type Sentence = string | ((r: Rotation) => string);

/** What a person does about an attention: the next command or deed, with the names in it. */
const NEXT: Record<AttentionCode, Sentence> = {
  held: (r) => `keyturn unhold ${r.target ?? r.outgoing.id} (or remove it from holds: in the configuration)`,
  plan_changed: (r) => `keyturn show ${r.id}, then keyturn approve ${r.id}; or put the configuration back`,
  target_removed: (r) => `put the target back into the configuration, or keyturn cancel ${r.id}`,
  older_configuration: "restart this process with the newest configuration",
  state_behind: "keyturn scan rebuilds the rotation from the audit sink and the marks",
  outgoing_still_used: (r) =>
    `find what still uses ${r.outgoing.name}; then wait, or keyturn proceed ${r.id} --reason …`,
  replacement_unused: (r) =>
    `check that the applications were restarted; then wait, or keyturn proceed ${r.id} --reason …`,
  usage_unknown: (r) => `check the Admin key's access to usage; or keyturn proceed ${r.id} --reason …`,
  propagation_limit: (r) => `keyturn show ${r.id}; check the secrets manager, then keyturn retry ${r.id}`,
  destination_changed: (r) => {
    const cancel =
      r.reason === "compromised" || destinationOf(r, "cancelled") === null ? "" : `; or keyturn cancel ${r.id}`;
    if (r.replacement === null)
      return `put the value of ${r.outgoing.name} back there, or hand over the key that is there with keyturn submit ${r.id}${cancel}`;
    const value = r.endedAt === null ? "replacement" : `value of ${r.outgoing.name}`;
    return `put the ${value} back there, then keyturn retry ${r.id}${cancel}`;
  },
  destination_unreadable: (r) =>
    `make the destination readable or correct the configuration, then keyturn retry ${r.id}`,
  outgoing_in_use_elsewhere: (r) => `replace the key in the named destination, then keyturn retry ${r.id}`,
  replacement_unproven: (r) => `keyturn show ${r.id}; test the value by hand, then keyturn retry ${r.id}`,
  replacement_dead: (r) => `keyturn reinstate ${r.id}`,
  outgoing_dead: (r) =>
    `keyturn submit ${r.id} with a new key as soon as possible, or re-enable the key in the Console`,
  outgoing_reactivated: (r) => `find out who needs it; then keyturn proceed ${r.id} --reason …`,
  nothing_to_roll_back_to: (r) =>
    `re-enable ${r.outgoing.name} in the Console and keyturn retry ${r.id}; or go forward with keyturn proceed ${r.id} --reason …`,
  key_limit: (r) => `archive an active key that nobody uses in the Console, then keyturn retry ${r.id}`,
  clock: "correct the clock of this machine or of Redis (NTP); it resumes by itself",
  stale_call_undone: (r) => `keyturn show ${r.id}; nothing else to do if the key is active`,
  foreign_pending: (r) => `finish or discard the pending value in the secrets manager, then keyturn retry ${r.id}`,
  pending_disagrees: (r) => `leave one pending value, then keyturn retry ${r.id}; or keyturn submit ${r.id}`,
  pending_refused: (r) => `stage another key, or keyturn submit ${r.id}`,
  key_rejected: (r) => `create another key in the Console and keyturn submit ${r.id}`,
  verification_inconclusive: (r) => `check credit, spend limits and anthropic.verifyModel, then keyturn retry ${r.id}`,
  approval_missing: (r) => `keyturn approve ${r.id}`,
  managed_elsewhere: "let one installation manage the destination; remove it from the other's configuration",
  store_unavailable: "check the secrets manager; it resumes by itself",
  store_denied: (r) => `grant the permissions in docs/stores.md, then keyturn retry ${r.id}`,
  store_conflict: (r) => `look at the secret in its manager, then keyturn retry ${r.id}`,
  admin_unavailable: "check the API's status page and anthropic.baseUrl; it resumes by itself",
  admin_denied: (r) => `check anthropic.adminKey, then keyturn retry ${r.id}`,
  sink_failing: (r) => `make audit.file writable, then keyturn retry ${r.id}`,
  other_host: "let one host alone work with these files (one replica); it resumes by itself",
  secret_busy: "wait for the other rotation to finish; it resumes by itself",
  internal: (r) => `look at the log of rotation ${r.id}, then keyturn retry ${r.id}`,
};

export function nextStepFor(code: AttentionCode, r: Rotation): string {
  const sentence = NEXT[code];
  return typeof sentence === "string" ? sentence : sentence(r);
}
