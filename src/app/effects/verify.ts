import type { LiveAnswer } from "../../ports/key-admin.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import type { SecretText } from "../../rotation/secret.ts";
import { attend, settle } from "../settle.ts";
import { commitIntent } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { markOne } from "../marking.ts";
import { workspaceHeader } from "./evidence.ts";
import { finish } from "./finish.ts";

/** For this long after acceptance a 401 may be a fresh key that is not known everywhere yet (failures #18). */
const FRESH_MS = 2 * 60_000;
/** So many inconclusive answers in a row are shown to a person; they never count as a bad key (P12). */
const TRIES = 5;

/**
 * Copies the accepted value to every destination's pending place, reads each back, and calls the API with it (R8, R12).
 * A value that already is current (a rebuilt rotation) is verified where it is.
 */
export async function verify(deps: Deps, record: Rotation): Promise<Rotation> {
  const value = await findAccepted(deps, record);
  if (value === null) return discard(deps, record, "no destination has the accepted value any more");
  try {
    const staged = await copyEverywhere(deps, record, value);
    const options = { workspaceId: workspaceHeader(staged) };
    const listed = await deps.verifier.authenticate(value, options);
    // In a compromised rotation authentication is enough: an account that cannot pay must not keep a leaked key alive.
    const enough = listed.verdict === "ok" && staged.reason === "compromised";
    const answer = listed.verdict === "ok" && !enough ? await deps.verifier.infer(value, options) : listed;
    return await conclude(deps, staged, answer, listed.verdict === "ok" && !enough);
  } finally {
    value.wipe();
  }
}

/** The accepted value from wherever it is: any pending place of ours, or a destination that already has it. */
async function findAccepted(deps: Deps, record: Rotation): Promise<SecretText | null> {
  for (const dest of record.plan.destinations) {
    const store = await storeOf(deps, dest);
    const pending = await store.readPending(dest, record.id);
    if (pending?.value.fingerprint === record.replacement?.fingerprint) return pending?.value ?? null;
    pending?.value.wipe();
    const current = await store.read(dest);
    if (current?.value.fingerprint === record.replacement?.fingerprint) return current?.value ?? null;
    current?.value.wipe();
  }
  return null;
}

async function copyEverywhere(deps: Deps, record: Rotation, value: SecretText): Promise<Rotation> {
  let saved = await commitIntent(deps, record, "verify", {
    destinations: record.plan.destinations.map(describeDestination),
  });
  const progress = [...saved.progress];
  for (const [i, dest] of saved.plan.destinations.entries()) {
    const store = await storeOf(deps, dest);
    const current = await store.read(dest);
    const there = current?.value.fingerprint === value.fingerprint;
    current?.value.wipe();
    const before = progress[i];
    if (there || before === undefined) continue;
    const pending = await store.readPending(dest, saved.id);
    const copied = pending !== null && pending.rotationId === saved.id && pending.value.equals(value);
    pending?.value.wipe();
    if (copied && before.stagedAt !== null) continue;
    await markOne(deps, saved, dest, "stage");
    const staged = await store.stage(dest, value, saved.id);
    progress[i] = {
      ...before,
      baseVersion: staged.baseVersion,
      pendingVersion: staged.version,
      stagedAt: deps.clock.now(),
    };
  }
  saved = { ...saved, progress };
  return saved;
}

async function conclude(deps: Deps, record: Rotation, answer: LiveAnswer, inferred: boolean): Promise<Rotation> {
  const now: Instant = deps.clock.now();
  if (answer.verdict === "ok") {
    const ownUse = inferred
      ? { requests: record.ownUse.requests + 1, tokens: record.ownUse.tokens + answer.tokens }
      : record.ownUse;
    return finish(
      deps,
      record,
      "verified",
      { ownUse, progress: record.progress },
      { requestId: answer.requestId, inferred },
    );
  }
  if (answer.verdict === "rejected") {
    if (now - record.enteredAt < FRESH_MS)
      return settle(deps, record, now + 2000, { progress: record.progress, retry: record.retry });
    return discard(deps, record, "the API answers 401");
  }
  if (answer.verdict === "not_permitted")
    return attend(
      deps,
      record,
      "verification_inconclusive",
      "The API answers 403: the key is valid but not permitted.",
      { progress: record.progress },
    );
  const tries = (record.retry?.attempts ?? 0) + 1;
  // One alert until it is over: the count starts anew with each one.
  if (answer.authenticated || tries >= TRIES || record.attention?.code === "verification_inconclusive") {
    return attend(deps, record, "verification_inconclusive", `The live call ended with: ${answer.cause}.`, {
      progress: record.progress,
    });
  }
  const pause = Math.max(1000 * 2 ** tries, answer.retryAfterMs ?? 0);
  return settle(deps, record, now + Math.min(pause, 60_000), {
    progress: record.progress,
    retry: { attempts: tries, since: record.retry?.since ?? now, code: answer.cause },
  });
}

/** The replacement is no good: its pending copies go, and a person is asked for another with a new deadline. */
async function discard(deps: Deps, record: Rotation, why: string): Promise<Rotation> {
  for (const dest of record.plan.destinations) {
    await (await storeOf(deps, dest)).discardPending(dest, record.id, { operators: true });
  }
  const back = await finish(deps, record, "key_rejected", {}, { keyId: record.replacement?.id, why });
  return attend(deps, back, "key_rejected", `Key ${record.replacement?.name ?? ""}: ${why}.`);
}
