import { REFUSALS, type RefusalCode } from "../../rotation/codes.ts";
import { KeyturnError } from "../../rotation/errors.ts";

/** What the person does about each refusal; the rest say it in their own detail. */
const NEXT: Partial<Record<RefusalCode, string>> = {
  empty: "Paste the key, or pipe it: keyturn submit <rotation> < file",
  several_lines: "Submit the key alone, on one line.",
  not_printable: "Copy the key again with the Console's copy button.",
  too_long: "Submit the key alone.",
  assignment: "Submit only what stands after the = sign.",
  quoted: "Submit the key without the quotation marks.",
  hint_pasted: "The Console shows the whole key only once; create another key and copy it with the copy button.",
  key_id_pasted: "Submit the key itself (it starts with sk-ant-api); name the id with --key-id if asked to.",
  admin_key: "Create an ordinary API key in the Console, under API keys.",
  oauth_token: "Create an API key in the Console, under API keys.",
  not_a_key: "An API key starts with sk-ant-api. Create one in the Console.",
  outgoing_key: "Create a new key in the Console and submit that one.",
  key_seen_before: "Create a new key in the Console for this target alone.",
  unknown_key: "Check that the key was created in this organization; a key created seconds ago may need a minute.",
  ambiguous_key: "Name the key's id: --key-id apikey_…",
  key_id_mismatch: "Compare the id with the Console's list of keys.",
  key_not_active: "Enable the key in the Console, or create another.",
  key_expired: "Create a key that expires later, or never.",
  key_older: "Create a new key; a key that was there before may be in use elsewhere.",
  expires_too_soon: "Create a key that expires later, or accept it with --accept-expiry.",
  key_rejected: "Create another key in the Console.",
  not_permitted: "Check the key's permissions and the organization's network restrictions in the Console.",
  other_pending: "To discard the pending key and use this one: --replace",
};

/** The error for a refused key (exit 65). `detail` names names, never the key. */
export function refuse(reason: RefusalCode, detail?: string): never {
  throw new KeyturnError("KEY_REFUSED", detail === undefined ? REFUSALS[reason] : `${REFUSALS[reason]} ${detail}`, {
    reason,
    ...(NEXT[reason] === undefined ? {} : { next: NEXT[reason] }),
  });
}
