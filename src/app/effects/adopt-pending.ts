import { KeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { SecretText } from "../../rotation/secret.ts";
import { readPaste } from "../../rotation/intake-format.ts";
import { creatorOf, lacksFourEyes } from "../four-eyes.ts";
import { attend, settle } from "../settle.ts";
import { type Deps, storeOf } from "../deps.ts";
import { checkKey } from "../intake/check-key.ts";
import { accept } from "../intake/submit.ts";
import { finish } from "./finish.ts";

/**
 * A pending value was found while we wait for one: our own after a crash or a loss of Redis, or one that the operator
 * staged in the secrets manager. It is checked like a submitted key; if several differ, none is used (R12).
 */
export async function adoptPending(deps: Deps, record: Rotation): Promise<Rotation> {
  const found: {
    value: SecretText;
    ours: boolean;
    where: string;
    index: number;
    version: string;
    baseVersion: string | null;
  }[] = [];
  try {
    for (const [index, dest] of record.plan.destinations.entries()) {
      const pending = await (await storeOf(deps, dest)).readPending(dest, record.id);
      if (pending === null) continue;
      const ours = pending.rotationId === record.id;
      const where = describeDestination(dest);
      found.push({
        value: pending.value,
        ours,
        where,
        index,
        version: pending.version,
        baseVersion: pending.baseVersion,
      });
      const early = pending.writtenAt !== null && pending.writtenAt < approvedAt(record) - COARSE_MS;
      if (!ours && (pending.rotationId !== null || early || !pending.onlyOurField)) {
        return await late(deps, record, "foreign_pending", `It is at ${where}.`);
      }
    }
    const [first] = found;
    if (first === undefined) return await settle(deps, record, deps.clock.now());
    if (found.some((f) => !f.value.equals(first.value))) {
      return await late(deps, record, "pending_disagrees", `They are at ${found.map((f) => f.where).join(", ")}.`);
    }
    return await check(deps, record, first, found);
  } finally {
    for (const f of found) f.value.wipe();
  }
}

/** File times tick in steps of some milliseconds: a value written right after the approval may carry an earlier time. */
const COARSE_MS = 100;
const approvedAt = (r: Rotation): number => Math.max(r.createdAt, ...r.approvals.map((a) => a.at));

async function check(
  deps: Deps,
  record: Rotation,
  first: { value: SecretText; where: string },
  found: readonly { index: number; ours: boolean; version: string; baseVersion: string | null }[],
): Promise<Rotation> {
  const shape = first.value.use(readPaste);
  if (!shape.ok) return late(deps, record, "pending_refused", `${shape.reason}, at ${first.where}.`);
  try {
    const { facts, warnings } = await checkKey(deps, record, first.value, {
      keyId: null,
      acceptExpiry: record.acceptExpiry,
    });
    const progress = record.progress.map((p, i) => {
      const here = found.find((f) => f.index === i && f.ours);
      return here === undefined
        ? p
        : { ...p, baseVersion: here.baseVersion, pendingVersion: here.version, stagedAt: deps.clock.now() };
    });
    // Whoever made the key is the best we know of who handed it over (R21).
    const actor = { name: facts.createdBy ?? "unknown", via: "worker" } as const;
    // Who staged it cannot be told, or it is the person who approved: with four eyes on, one more person has to agree before
    // anything destructive (R21).
    const { fourEyes } = deps.settings.approvers;
    const handedOverBy = [fourEyes ? await creatorOf(deps, facts.createdBy) : [actor.name]];
    const lacks = lacksFourEyes(deps.settings, record, handedOverBy);
    const asked = lacks ? { ...record, approvalsNeeded: record.approvals.length + 1 } : record;
    const more = { warnings, acceptExpiry: record.acceptExpiry, handedOverBy };
    return await accept(deps, asked, facts, progress, actor, more);
  } catch (error) {
    if (!(error instanceof KeyturnError) || error.code !== "KEY_REFUSED") throw error;
    if (found.every((f) => f.ours) && DEAD.includes(error.reason ?? "")) return destroy(deps, record, error.message);
    return late(deps, record, "pending_refused", `${error.message} It is at ${first.where}.`);
  }
}

/** What no waiting and no option cures: our own copy of such a key only stands in the next one's way. */
const DEAD: readonly string[] = ["key_not_active", "key_expired", "key_rejected"];

/** Our own pending value of a key that died while it was verified: the end of `key_rejected`, whose copies are discarded. */
async function destroy(deps: Deps, record: Rotation, about: string): Promise<Rotation> {
  for (const dest of record.plan.destinations) await (await storeOf(deps, dest)).discardPending(dest, record.id);
  return attend(deps, record, "key_rejected", about);
}

/** A value that cannot be used does not stop the deadline: the wait ends as it would without it (R20). */
function late(deps: Deps, record: Rotation, code: Parameters<typeof attend>[2], about: string): Promise<Rotation> {
  if (record.deadline !== null && deps.clock.now() >= record.deadline)
    return finish(deps, record, "expired", {}, { code, about });
  return attend(deps, record, code, about);
}
