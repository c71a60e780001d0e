import { REFUSALS, type RefusalCode } from "../../rotation/codes.ts";
import { ERRORS, type KeyturnError } from "../../rotation/errors.ts";
import type { ClosedLink } from "../../app/intake/look-at-link.ts";

/** What the page offers beside the paste field when a refusal can be answered there. */
export type Choice = "acceptExpiry" | "keyId" | "replace";
export interface Sentence {
  /** What is wrong. */
  say: string;
  /** What the person does now. */
  next: string;
  choice?: Choice;
  /** The same key may be sent again, so the page leaves it in its field. */
  keep?: boolean;
}

/** What the person does about each refusal, in the words of the page: no command lines here. */
const NEXT: Record<RefusalCode, Omit<Sentence, "say">> = {
  empty: { next: "Paste the key into the field." },
  several_lines: { next: "Paste the key alone, on one line." },
  not_printable: { next: "Copy the key again with the Console's copy button." },
  too_long: { next: "Paste the key alone." },
  assignment: { next: "Paste only what stands after the = sign." },
  quoted: { next: "Paste the key without the quotation marks." },
  hint_pasted: {
    next: "The Console shows the whole key only once. Create another key and copy it with the copy button.",
  },
  key_id_pasted: { next: "Paste the key itself: it starts with sk-ant-api." },
  admin_key: { next: "Create an ordinary API key in the Console, under API keys, and paste that one." },
  oauth_token: { next: "Create an API key in the Console, under API keys, and paste that one." },
  not_a_key: { next: "An API key starts with sk-ant-api. Create one in the Console and paste it." },
  outgoing_key: { next: "Create a new key in the Console and paste that one." },
  key_seen_before: { next: "Create a new key in the Console for this target alone." },
  unknown_key: {
    next: "Check that you created it in this organization. If you created it seconds ago, wait a minute and send it again.",
    keep: true,
  },
  ambiguous_key: { next: "Choose below which of the keys it is, and send it again.", choice: "keyId", keep: true },
  key_id_mismatch: { next: "Choose the other key below, and send it again.", choice: "keyId", keep: true },
  key_not_active: { next: "Enable the key in the Console, or create another one." },
  key_expired: { next: "Create a key that expires later, or never." },
  key_older: { next: "Create a new key: one that was there before may be in use elsewhere." },
  expires_too_soon: {
    next: "Create a key that expires later or never, or accept the date below and send this one again.",
    choice: "acceptExpiry",
    keep: true,
  },
  wrong_workspace: { next: "Create a key in the workspace named in step 1, and paste that one." },
  wrong_organization: { next: "Switch to the right organization in the Console and create the key there." },
  wrong_name: { next: "Create a key with exactly the name in step 1, and paste that one." },
  key_rejected: { next: "Create another key in the Console and paste that one." },
  not_permitted: { next: "Check the key's permissions and the organization's network restrictions in the Console." },
  other_pending: {
    next: "To discard that one and use yours, tick the box below and send it again.",
    choice: "replace",
    keep: true,
  },
};

const isRefusal = (code: string | null): code is RefusalCode => code !== null && Object.hasOwn(REFUSALS, code);

/** A refused key: what is wrong with its names (never its text), and what to do. */
export function refusalSentence(error: KeyturnError): Sentence {
  if (!isRefusal(error.reason)) return { say: "The key was refused.", next: "Create another key and paste that one." };
  const say = error.message.startsWith(ERRORS.KEY_REFUSED.say)
    ? error.message.slice(ERRORS.KEY_REFUSED.say.length).trim()
    : REFUSALS[error.reason];
  return { say, ...NEXT[error.reason] };
}

/** The codes that a person on the page can do something about; every other trouble is ours. */
const TROUBLE: Partial<Record<KeyturnError["code"], Sentence>> = {
  WRONG_STATE: {
    say: "This rotation no longer waits for a key.",
    next: "Nothing was stored. Look at the rotation's message in Slack for where it stands.",
  },
  LOCK_HELD: { say: "Somebody is handing over a key right now.", next: "Wait a moment, then send it again." },
  CONFLICT: { say: "The rotation changed in the meantime.", next: "Send the key again: doing so is safe." },
  NOT_AN_APPROVER: {
    say: "Whoever hands the key over, and whoever created it, must surely be another person than who approved.",
    next: "Ask somebody else to take a link of their own, or ask one more person to approve on the dashboard. Nothing was stored.",
  },
  ADMIN_UNAVAILABLE: {
    say: "The key could not be checked: the API does not answer.",
    next: "Keep the key and send it again in a minute: doing so is safe.",
  },
  STORE_UNAVAILABLE: {
    say: "The secrets manager does not answer.",
    next: "Keep the key and send it again in a minute: doing so is safe.",
  },
  STORE_DENIED: {
    say: "The secrets manager does not let Keyturn write.",
    next: "Keep the key, tell whoever runs Keyturn, and send it again when they are done.",
  },
  FOREIGN_PENDING: {
    say: "Somebody else left a pending value in the secrets manager.",
    next: "Keep the key, tell whoever runs Keyturn, and send it again when they are done.",
  },
  SINK_UNAVAILABLE: {
    say: "The audit log cannot be written, so nothing may be stored.",
    next: "Keep the key, tell whoever runs Keyturn, and send it again when they are done.",
  },
  REDIS_UNAVAILABLE: {
    say: "Keyturn's own storage does not answer.",
    next: "Keep this page open and try again in a minute: doing so is safe.",
  },
};

/** Where the same code has causes that a person answers in different ways. */
const BY_REASON: Record<string, Sentence> = {
  state_behind: {
    say: "Keyturn is finding out how far this rotation got: its storage had lost that.",
    next: "Nothing was stored. Keep the key and send it again in a minute; it may not be needed any more.",
    keep: true,
  },
  destination_changed: {
    say: "The secret was changed by somebody else, so this key could replace nothing.",
    next: "Nothing was stored. Keep the key and tell whoever runs Keyturn.",
    keep: true,
  },
};

/** The sentence for trouble that is not the key's. Never the error's own text. */
export const troubleSentence = (error: KeyturnError): Sentence =>
  BY_REASON[error.reason ?? ""] ??
  TROUBLE[error.code] ?? {
    say: "Something went wrong on our side.",
    next: "Keep the key and send it again in a minute: doing so is safe. If it stays so, tell whoever runs Keyturn.",
  };

/** Why a link is of no use, in words for its holder. */
export const LINK_CLOSED: Record<ClosedLink, Sentence> = {
  unknown: {
    say: "This link is not valid.",
    next: "Open the newest link from your messages in Slack, or ask for another one there.",
  },
  busy: { say: "A key is being handed over with this link right now.", next: "Wait a moment." },
  used: {
    say: "This link was already used.",
    next: "If that was not you, tell whoever runs Keyturn at once. Otherwise there is nothing more to do.",
  },
  expired: { say: "This link has expired: links work for 15 minutes.", next: "Ask for another link in Slack." },
  replaced: {
    say: "A newer link for this rotation took the place of this one.",
    next: "Open the newest link from your messages in Slack.",
  },
  exhausted: {
    say: "Too many keys were refused, so this link has ended.",
    next: "Ask for another link in Slack.",
  },
  not_waiting: {
    say: "This rotation no longer waits for a key.",
    next: "Look at the rotation's message in Slack for where it stands.",
  },
};

/** Answers that have nothing to do with one link. */
export const ASIDE = {
  query: {
    say: "An address with a question mark is not taken here.",
    next: "Neither a key nor a link's secret may stand in the part of an address that servers write down. Open the link as you received it. If it was a key that stood there, disable that key in the Console.",
  },
  from_elsewhere: {
    say: "This request does not come from Keyturn's own page.",
    next: "Open the link from your messages in Slack.",
  },
  wrong_person: {
    say: "This link was made for somebody else.",
    next: "Use “Hand over the key” on the rotation's page on the dashboard, or ask for a link of your own in Slack.",
  },
  no_address: {
    say: "Nobody can tell whether this link was made for you: Slack or the sign-in gives Keyturn no e-mail address.",
    next: "You are signed in: use “Hand over the key” on the rotation's page on the dashboard.",
  },
  sign_in: { say: "Sign in, so that we know it is you.", next: "Sign in in a new tab, then come back to this one." },
  too_often: { say: "Too many requests.", next: "Wait a minute, then try again." },
  not_text: { say: "What was sent is not text.", next: "Paste the key alone, as the Console shows it." },
  too_large: { say: "What was sent is far too large for a key.", next: "Paste the key alone." },
  wrong_type: { say: "This kind of content is not taken here.", next: "Use the page of the link." },
  malformed: { say: "This request cannot be read.", next: "Use the page of the link." },
} as const satisfies Record<string, Sentence>;
export type Aside = keyof typeof ASIDE;
