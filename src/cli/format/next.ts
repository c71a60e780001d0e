import type { RotationView } from "../../rotation/view.ts";

type Sentence = (v: RotationView) => string;

/** Who does what next, in each state that goes on: a sentence with the whole command, to be copied at night. */
const NEXT: Partial<Record<RotationView["state"], Sentence>> = {
  awaiting_approval: (v) => `an approver: keyturn approve ${v.id} (or reject, or snooze --until 3d)`,
  revoking: () => "Keyturn deactivates the outgoing key now",
  awaiting_replacement: (v) => {
    const name = v.plan.requiredName === null ? "" : ` named "${v.plan.requiredName}"`;
    return `an operator: create a key${name} in the Console, then keyturn submit ${v.id}`;
  },
  verifying: () => "Keyturn calls the API with the replacement; applications do not see it yet",
  promoting: () => "Keyturn makes the replacement what applications read; both keys work",
  propagating: () => "Keyturn waits until every destination shows the replacement; both keys work",
  draining: () => "Keyturn waits until the outgoing key is out of use; both keys work",
  deactivating: () => "Keyturn checks every destination once more, then deactivates the outgoing key",
  grace_period: (v) =>
    `Keyturn archives the outgoing key when the time is over; until then keyturn reinstate ${v.id} makes it active again`,
  archiving: () => "Keyturn archives the outgoing key, for good",
  reinstating: () => "Keyturn makes the outgoing key active again",
  reinstated: (v) =>
    `a person: keyturn retry ${v.id} goes on with the replacement, keyturn cancel ${v.id} puts the old value back`,
  rolling_back: () => "Keyturn discards what is pending, and puts the old value back where it was replaced",
};

/** What happens next, or null after the end. An attention's own next step comes first. */
export function nextOf(v: RotationView): string | null {
  return v.needsAttention?.next ?? NEXT[v.state]?.(v) ?? null;
}
