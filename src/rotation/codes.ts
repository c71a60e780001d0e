/**
 * The closed lists of machine-readable codes. They are printed by `--json`, counted by metrics and searched for in
 * logs, so they are an interface: add, never rename. The sentence beside each code is what a person reads.
 */

/** Why a rotation was opened. */
export const REASONS = {
  age: "the key is older than its limit",
  expires_soon: "the key expires soon",
  owner_left: "the person who owns the key is no longer in the organization",
  requested: "a person asked for it",
  compromised: "the key was revoked as compromised",
  deactivated_elsewhere: "the key in use was deactivated outside Keyturn",
} as const;
export type Reason = keyof typeof REASONS;

/** Urgent rotations ignore `notBefore` and `maxOpenRotations` (R5, R20). */
export const isUrgent = (reason: Reason): boolean => reason === "compromised" || reason === "deactivated_elsewhere";

/** Why a target is not due. */
export const NOT_DUE = {
  not_due: "younger than its limit",
  rotation_open: "a rotation is already open",
  not_before: "the last rotation ended without completing; it is not proposed again yet",
  limit_reached: "policy.maxOpenRotations rotations already wait for a person",
  problem: "a problem has to be solved first",
} as const;
export type NotDue = keyof typeof NOT_DUE;

/** Why an open rotation needs a person; the value is the alert's sentence. */
export const ATTENTION = {
  held: "A hold stops the destructive step.",
  plan_changed: "The configuration changed after approval.",
  target_removed: "The target is no longer configured.",
  older_configuration: "This process runs with an older configuration than the newest seen.",
  state_behind: "Redis is older than the audit sink or the marks.",
  outgoing_still_used: "The outgoing key is still used past the drain limit.",
  replacement_unused: "The outgoing key was in use before, but the replacement shows no use of its own.",
  usage_unknown: "The usage of the outgoing key cannot be read.",
  propagation_limit: "Applications do not read the replacement within the limit.",
  destination_changed: "A destination holds another value than it should.",
  destination_unreadable:
    "A configured destination cannot be read, so nobody can say whether it still holds the outgoing key.",
  outgoing_in_use_elsewhere: "Another configured destination still holds the outgoing key.",
  replacement_unproven: "The value read back from the destinations does not answer a live call.",
  replacement_dead: "The replacement key is inactive, archived or expired.",
  outgoing_dead: "The outgoing key was deactivated outside Keyturn before its replacement is in place.",
  outgoing_reactivated: "Somebody re-activated the outgoing key.",
  nothing_to_roll_back_to: "The outgoing key is not active, so the old value cannot be put back.",
  key_limit: "The organization or workspace is at its limit of active keys.",
  clock: "Two clocks differ by more than 5 minutes.",
  stale_call_undone: "A delayed worker deactivated the key after the decision changed; it was activated again.",
  foreign_pending: "A pending value is in the store that Keyturn did not write.",
  pending_disagrees: "The pending values of the destinations differ.",
  pending_refused: "The pending value that was found is not an acceptable replacement.",
  key_rejected: "The replacement key was rejected by the API.",
  verification_inconclusive: "The replacement cannot be verified for a reason that does not lie in the key.",
  approval_missing:
    "An approval is missing: the rotation was rebuilt without a provable one, or four eyes are asked for.",
  managed_elsewhere: "Another installation manages this destination.",
  store_unavailable: "A secrets manager does not answer.",
  store_denied: "A secrets manager refuses our credentials.",
  store_conflict: "A secret is in a state that Keyturn will not overwrite.",
  admin_unavailable: "The Admin API does not answer.",
  admin_denied: "The Admin API refuses our credentials.",
  sink_failing: "The audit sink cannot be written.",
  other_host: "The files of a store belong to another host, which is at work.",
  secret_busy: "Another rotation is between stage and promoted on the same secret.",
  internal: "Keyturn met a state it does not know.",
} as const;
export type AttentionCode = keyof typeof ATTENTION;

/** What a scan reports without opening a rotation. */
export const PROBLEMS = {
  destination_missing: "the destination does not exist or its field is empty",
  destinations_disagree: "the destinations of the target hold different keys",
  unknown_key: "the value matches no key of the organization",
  ambiguous_key: "the value matches more than one key of the organization",
  key_mismatch: "the configured key id does not fit the value",
  changed_elsewhere: "the value was changed since Keyturn's last write",
  value_rejected: "the value in use is rejected by the API",
  verification_inconclusive: "the value in use could not be tried for a reason that does not lie in the key",
  not_a_key: "the value is not an Anthropic API key",
  ambiguous_rule: "two rules or two keys render to one destination",
  unsafe_name: "a key name contains characters that a rule may not use",
  preflight_failed: "the destination cannot be read, marked or staged",
  managed_elsewhere: "another installation has an open rotation there",
  mark_removed: "the marks were removed; they were written again",
  unknown_mark: "marks name a rotation that Keyturn never opened",
  leftover_pending: "a pending value is left over from a rotation that is not open",
  leftover_key: "an active key is left over from a rotation that was rolled back",
  foreign_pending: "a pending value is there that Keyturn did not write",
  gives_up: "three rotations ended without completing; Keyturn does not propose another",
  state_behind: "Redis is older than the audit sink or the marks",
  unshipped_tail: "the sink holds entries that the chain did not know of",
  store_unavailable: "the secrets manager does not answer",
  store_denied: "the secrets manager refuses our credentials",
  other_host: "the files belong to another host, which is at work",
  usage_unreadable: "usage by key cannot be read",
  clock: "two clocks differ by more than 5 minutes",
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** Why a submitted key was refused (exit 65). */
export const REFUSALS = {
  empty: "Nothing was submitted.",
  several_lines: "More than one line was submitted.",
  not_printable: "The text contains characters that no key has.",
  too_long: "The text is far longer than a key.",
  assignment: "The text is an assignment (NAME=value), not the key alone.",
  quoted: "The text is in quotation marks.",
  hint_pasted: "This is the shortened hint of a key, not the key.",
  key_id_pasted: "This is a key id (apikey_…), not the key.",
  admin_key: "This is an Admin key.",
  oauth_token: "This is an OAuth token.",
  not_a_key: "This does not look like an Anthropic API key.",
  outgoing_key: "This is the key being replaced.",
  key_seen_before: "This key is or was in use by another target or rotation.",
  unknown_key: "No key of the organization has this hint.",
  ambiguous_key: "More than one key of the organization has this hint.",
  key_id_mismatch: "The named key id does not fit this key.",
  key_not_active: "The key's record is not active.",
  key_expired: "The key is expired.",
  key_older: "The key is older than the key being replaced.",
  expires_too_soon: "The key expires before the rotation would be finished.",
  wrong_workspace: "The key belongs to another workspace.",
  wrong_organization: "The key belongs to another organization.",
  wrong_name: "The key's name does not fit the rule of this target.",
  key_rejected: "The API rejects this key.",
  not_permitted: "The key authenticates but is not permitted to be used.",
  other_pending: "Another key is already pending in this rotation.",
} as const;
export type RefusalCode = keyof typeof REFUSALS;
