import type { AttentionCode } from "./codes.ts";

/**
 * What is at risk while the cause lasts: the first thing a person wants to know of an alert. True in every state in which
 * the code is raised, so it says no more than that.
 */
const IMPACT: Record<AttentionCode, string> = {
  held: "Applications keep working; the outgoing key stays as it is until the hold is lifted.",
  plan_changed: "Applications keep working; nothing is deactivated or archived until the new plan is approved.",
  target_removed: "Applications keep working; nothing is deactivated or archived while the target is not configured.",
  older_configuration: "Applications keep working; this process deactivates and archives nothing.",
  state_behind: "Applications keep working; nothing is deactivated or archived until the record is rebuilt.",
  outgoing_still_used: "Both keys work. Whatever still uses the outgoing key would fail if it were deactivated now.",
  replacement_unused: "Both keys work. Applications may still hold the outgoing key in memory.",
  usage_unknown: "Both keys work. Whether anything still uses the outgoing key is not known.",
  propagation_limit: "Both keys work; some applications still read the outgoing key.",
  destination_changed: "Applications that read that destination use a key that this rotation did not put there.",
  destination_unreadable:
    "Nothing is deactivated or archived meanwhile; applications that read this destination may be failing.",
  outgoing_in_use_elsewhere: "Nothing is deactivated meanwhile; applications there would fail with the outgoing key.",
  replacement_unproven: "Nothing is deactivated meanwhile; applications that read the replacement may be failing now.",
  replacement_dead: "Applications that read the replacement are failing now.",
  outgoing_dead: "The outgoing key no longer works: applications that still read it are failing now.",
  outgoing_reactivated: "Both keys work. The key that should be going is usable again.",
  nothing_to_roll_back_to: "Applications may be failing now: the old value no longer works and is not put back.",
  key_limit: "The outgoing key is still inactive; whatever needs it fails until a key is freed.",
  clock: "Applications keep working; no timer that deactivates or archives is trusted.",
  stale_call_undone: "The outgoing key was inactive for a moment; whatever used it may have failed then.",
  foreign_pending: "Applications keep working with the outgoing key; the rotation waits.",
  pending_disagrees: "Applications keep working with the outgoing key; the rotation waits.",
  pending_refused: "Applications keep reading the outgoing key; the rotation still lacks a replacement.",
  key_rejected: "Applications keep reading the outgoing key; the rotation still lacks a replacement.",
  verification_inconclusive: "Applications keep working with the key they read; the rotation waits.",
  approval_missing: "Applications keep working; nothing is deactivated or archived before it is given.",
  managed_elsewhere: "Applications keep working; two installations would overwrite each other there.",
  store_unavailable:
    "Nothing was changed; the rotation waits. Applications that read this secrets manager may be failing.",
  store_denied: "Applications keep working; the rotation stands still.",
  store_conflict: "Applications keep reading what is in the secret now; the rotation stands still.",
  admin_unavailable: "Applications keep working; the rotation waits, and no key changes its status.",
  admin_denied:
    "Applications keep working; the rotation stands still, and no key can be deactivated, not even a leaked one.",
  sink_failing: "Applications keep working; nothing is changed while it cannot be put on record.",
  other_host: "Applications keep working; nothing is read or written there by this host.",
  secret_busy: "Applications keep working; the rotation waits.",
  internal: "Not known: look at the rotation before anything else.",
};

/** What is at risk right now, in one or two short sentences for people; for cards, webhooks and pages. Pure. */
export const impactOf = (code: AttentionCode): string => IMPACT[code];
