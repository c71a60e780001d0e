import type { Bulletin, Channel, Outbox } from "../../ports/outbox.ts";
import { aboutOf } from "../../rotation/about.ts";
import { pauseAfter } from "../../rotation/backoff.ts";
import { KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import { isNewer } from "../../rotation/newer.ts";
import type { Deps } from "../deps.ts";
import { holdsOn, subjectsOf } from "../holds.ts";

/** What telling people needs. */
export interface Announcing {
  deps: Deps;
  outbox: Outbox;
  channels: readonly Channel[];
  /** Whether a process hears what people press; false in `run-once` (R21). */
  clicksReach: boolean;
  /** 0 ≤ random < 1, to spread retries. */
  random: () => number;
  /** Troubles this process has logged: channel → code. Starts empty. */
  said: Map<string, string>;
}

/** Why a channel could not say everything; kept beside its memory, so that any process waits as long as this one would. */
interface Trouble {
  code: string;
  attempts: number;
  nextAt: Instant;
}

/** Before what a newer version wrote is looked at again (milliseconds): it may have been rolled back. */
const NEWER_PAUSE_MS = 30_000;
/** Renewed all along (milliseconds). */
const LEASE_MS = 20_000;
/** A server that asks for more patience than this is asked again all the same (milliseconds). */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** A channel that wants to go on at once lets others have their turn (milliseconds). */
const SHORTEST_PAUSE_MS = 200;

/**
 * Tells people about one rotation through every channel, as far as each has not yet said it. A channel that fails is tried
 * again later and keeps neither the others nor the rotation from going on. Safe to repeat: channels remember what they said.
 * @param entry from `Outbox.due`
 * @returns busy: another process is telling about it now; ask again later
 * @throws REDIS_UNAVAILABLE: the entry stays due
 */
export async function deliver(
  a: Announcing,
  { id, stamp }: { id: string; stamp: string },
): Promise<"delivered" | "busy"> {
  const lease = await a.deps.leases.acquire(`deliver:${id}`, LEASE_MS).catch(ifHeld);
  if (lease === null) return "busy";
  // Short, so that after a crash another process goes on soon; renewed also while one call takes long.
  const renewal = setInterval(() => void lease.renew().catch(() => undefined), LEASE_MS / 3);
  try {
    const record = await a.deps.rotations.load(id);
    if (record === null) {
      await a.outbox.delivered(id, 0, true);
      await a.outbox.settle(id, stamp, null);
      return "delivered";
    }
    if (isNewer(record)) {
      // The newer version tells people.
      await a.outbox.settle(id, stamp, a.deps.clock.now() + NEWER_PAUSE_MS);
      return "delivered";
    }
    const bulletin = await bulletinOf(a, record);
    // Side by side: a channel that hangs delays no other.
    const results = await Promise.allSettled(a.channels.map((c) => deliverTo(a, c, bulletin, () => lease.renew())));
    const ends: End[] = [];
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
      ends.push(result.value);
    }
    const times = ends.map((end) => end.nextAt).filter((at) => at !== null);
    const next = times.length === 0 ? null : Math.max(Math.min(...times), a.deps.clock.now() + SHORTEST_PAUSE_MS);
    if (ends.every((end) => end.done))
      await a.outbox.delivered(id, record.revision, record.endedAt !== null && next === null);
    await a.outbox.settle(id, stamp, next);
    return "delivered";
  } catch (error) {
    if (asKeyturnError(error).code === "LOCK_HELD") return "busy";
    throw error;
  } finally {
    clearInterval(renewal);
    await lease.release().catch(() => undefined);
  }
}

function ifHeld(error: unknown): null {
  if (error instanceof KeyturnError && error.code === "LOCK_HELD") return null;
  throw error;
}

async function bulletinOf({ deps, clicksReach }: Announcing, rotation: Rotation): Promise<Bulletin> {
  const [holds, head] = await Promise.all([holdsOn(deps, subjectsOf(rotation)), deps.audit.head()]);
  const auditHead = head === null ? null : { seq: head.seq, hash: head.hash };
  return { rotation, holds, now: deps.clock.now(), auditHead, clicksReach };
}

interface End {
  /** Everything was said. */
  done: boolean;
  nextAt: Instant | null;
}

/** @throws only what Redis threw, and LOCK_HELD when the lease was lost */
async function deliverTo(
  a: Announcing,
  channel: Channel,
  bulletin: Bulletin,
  renew: () => Promise<void>,
): Promise<End> {
  const { outbox, deps } = a;
  const { id } = bulletin.rotation;
  const kept = `trouble:${channel.name}`;
  const [memory, before] = await Promise.all([outbox.memory(id, channel.name), outbox.memory(id, kept)]);
  const trouble = before as Trouble | null;
  if (trouble !== null && trouble.attempts > 0 && trouble.nextAt > deps.clock.now())
    return { done: false, nextAt: trouble.nextAt };
  // A failure of ours (Redis, a lost lease) is not the channel's.
  let ours: KeyturnError | null = null;
  const remember = async (said: Record<string, unknown>) => {
    try {
      await outbox.remember(id, channel.name, said);
      await renew();
    } catch (error) {
      ours = asKeyturnError(error);
      throw ours;
    }
  };
  try {
    const { nextAt } = await channel.deliver(bulletin, memory, remember);
    if (trouble !== null && trouble.attempts > 0) await outbox.remember(id, kept, { code: "", attempts: 0, nextAt: 0 });
    if (a.said.delete(channel.name))
      deps.log.info({ event: "announce.works_again", channel: channel.name }, "a channel works again");
    return { done: true, nextAt };
  } catch (error) {
    if (ours !== null) throw asKeyturnError(ours);
    const next = troubleAfter(a, asKeyturnError(error), trouble);
    await outbox.remember(id, kept, { ...next });
    if (a.said.get(channel.name) !== next.code)
      deps.log.warn(
        { event: "announce.failing", channel: channel.name, ...aboutOf(bulletin.rotation), code: next.code },
        "people could not be told through a channel; it is tried again",
      );
    a.said.set(channel.name, next.code);
    return { done: false, nextAt: next.nextAt };
  }
}

function troubleAfter(a: Announcing, error: KeyturnError, before: Trouble | null): Trouble {
  const attempts = (before?.attempts ?? 0) + 1;
  const asked = Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  return {
    code: error.code,
    attempts,
    nextAt: a.deps.clock.now() + Math.max(asked, pauseAfter(attempts, a.random())),
  };
}
