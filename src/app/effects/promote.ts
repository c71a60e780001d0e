import { aboutOf } from "../../rotation/about.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Destination, DestinationProgress, Rotation } from "../../rotation/record.ts";
import type { SecretText } from "../../rotation/secret.ts";
import type { State } from "../../rotation/states.ts";
import { commitAmend, commitIntent } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { markOne } from "../marking.ts";
import { writeLease } from "../write-lease.ts";
import { finish } from "./finish.ts";
import { takeBackAt } from "./take-back.ts";

/** How often a changed base is merged again within one step. */
const REMERGES = 3;

/**
 * Makes the replacement what applications read, destination by destination, each replacing exactly the version that was
 * merged into. Half-promoted is safe: both keys work (R14). Saved after each one, so that a cancel knows what to undo; the
 * next state reads all of them back.
 */
export async function promote(deps: Deps, record: Rotation): Promise<Rotation> {
  let saved = await commitIntent(deps, record, "promote", {
    destinations: record.plan.destinations.map(describeDestination),
  });
  for (const [i, dest] of record.plan.destinations.entries()) {
    const done = await promoteOne(deps, saved, i, dest);
    if (done === null) continue;
    const progress = saved.progress.map((p, at) => (at === i ? done : p));
    const evidence = { destination: describeDestination(dest), version: done.promotedVersion };
    saved = await commitAmend(
      deps,
      saved,
      { progress },
      { action: "destination.promoted", actor: "keyturn", via: "worker", evidence },
    );
  }
  return finish(deps, saved, "promoted");
}

async function promoteOne(
  deps: Deps,
  r: Rotation,
  index: number,
  dest: Destination,
): Promise<DestinationProgress | null> {
  const store = await storeOf(deps, dest);
  const before = r.progress[index];
  if (before === undefined || r.replacement === null)
    throw new KeyturnError("INTERNAL", "The record has no replacement.");
  const lease = await writeLease(deps, dest);
  try {
    for (let round = 0; round < REMERGES; round++) {
      const current = await store.read(dest);
      if (current === null) throw new KeyturnError("STORE_MISSING", describeDestination(dest));
      const fingerprint = current.value.fingerprint;
      current.value.wipe();
      if (fingerprint === r.replacement.fingerprint) {
        return before.promotedAt === null
          ? { ...before, promotedVersion: current.version, promotedAt: deps.clock.now() }
          : null;
      }
      if (fingerprint !== r.outgoing.fingerprint) {
        throw new KeyturnError(
          "STORE_CONFLICT",
          `${describeDestination(dest)} holds another value than the outgoing key.`,
          { reason: "destination_changed" },
        );
      }
      const pending = await pendingOn(deps, r, dest);
      await markOne(deps, r, dest, "promote", fingerprint);
      // A worker that stood still must not write what a decision has stopped meanwhile (P6).
      if ((await deps.rotations.load(r.id))?.revision !== r.revision) throw new KeyturnError("CONFLICT");
      try {
        const done = await store.promote(dest, r.id, pending.baseVersion);
        if (await wasStopped(deps, r)) {
          await takeBackAt(deps, r, dest);
          throw new KeyturnError("CONFLICT");
        }
        await markOne(deps, r, dest, "promoted", r.replacement.fingerprint);
        return { ...before, ...pending, promotedVersion: done.version, promotedAt: deps.clock.now() };
      } catch (error) {
        if (!(error instanceof KeyturnError) || error.code !== "BASE_CHANGED") throw error;
        deps.log.warn(
          { event: "destination.base_changed", ...aboutOf(r), destination: describeDestination(dest) },
          "the secret changed under us; merging again",
        );
      }
    }
    throw new KeyturnError("BASE_CHANGED", describeDestination(dest));
  } finally {
    await lease?.release().catch(() => undefined);
  }
}

const STOPPED: readonly State[] = ["rolling_back", "rolled_back", "cancelled", "expired"];

/** Whether the rotation turned back between our last look and the write. */
async function wasStopped(deps: Deps, r: Rotation): Promise<boolean> {
  const fresh = await deps.rotations.load(r.id);
  return fresh !== null && fresh.revision !== r.revision && STOPPED.includes(fresh.state);
}

/** This rotation's pending value, merged into the version that is current now; staged again when the base moved (R3). */
async function pendingOn(
  deps: Deps,
  r: Rotation,
  dest: Destination,
): Promise<{ baseVersion: string; pendingVersion: string }> {
  const value = await acceptedValue(deps, r);
  try {
    // `stage` looks first: the same value on the same base is not written again.
    const staged = await (await storeOf(deps, dest)).stage(dest, value, r.id);
    return { baseVersion: staged.baseVersion, pendingVersion: staged.version };
  } finally {
    value.wipe();
  }
}

async function acceptedValue(deps: Deps, r: Rotation): Promise<SecretText> {
  for (const dest of r.plan.destinations) {
    const store = await storeOf(deps, dest);
    for (const found of [await store.readPending(dest, r.id), await store.read(dest)]) {
      if (found !== null && found.value.fingerprint === r.replacement?.fingerprint) return found.value;
      found?.value.wipe();
    }
  }
  throw new KeyturnError("STORE_CONFLICT", "No destination has the accepted value any more.", {
    reason: "pending_disagrees",
  });
}
