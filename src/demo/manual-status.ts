import type { Rotation } from "../rotation/record.ts";
import { type State, isFinal } from "../rotation/states.ts";
import type { ApplicationReport } from "./application.ts";
import { explainDrain } from "./milestones.ts";

const WORDS: Partial<Record<State, string>> = {
  awaiting_approval: "waiting for your approval: the chat (1)",
  awaiting_replacement:
    'waiting for the new key: open your private message in the chat (1, "Keyturn (private)"), create a key in the Console (2), paste it',
  verifying: "verifying the new key",
  promoting: "making the new key current",
  propagating: "the new key is current; reading it back as the applications do",
  draining: "both keys work; usage is counted by the minute",
  deactivating: "checking everything once more, then the old key is set inactive",
  grace_period: "the old key is inactive; a few seconds of grace, then it is archived",
  archiving: "archiving the old key",
  revoking: "revoking the old key now",
  reinstating: "making the old key active again",
  reinstated: "the old key is active again; the dashboard (3) shows how to go on",
  rolling_back: "going back to the old key",
};

/** What is going on, in one line. Pure. @param record null: nothing is open yet */
export function statusOf(record: Rotation | null, application: ApplicationReport, now: number): string {
  const { ok, failed } = application;
  const calls = `${ok + failed} calls, ${failed} failed`;
  if (record === null) return "waiting for the first scan";
  if (record.state === "completed") return `archived; the application made ${calls}`;
  if (isFinal(record.state))
    return `the rotation ended: ${record.state.replaceAll("_", " ")}. Again: /keyturn rotate app in the chat (1)`;
  if (record.attention !== null) return `needs attention: ${record.attention.message} Next: ${record.attention.next}`;
  return `${WORDS[record.state] ?? record.state}${timeLeft(record, application, now)} (${calls})`;
}

function timeLeft(record: Rotation, { firstKeyLastUsedAt }: ApplicationReport, now: number): string {
  if (record.state !== "draining" || record.propagatedAt === null) return "";
  const wait = explainDrain(record.outgoing.name, firstKeyLastUsedAt, record.propagatedAt, now);
  return wait === null ? "" : `: ${wait.left}`;
}
