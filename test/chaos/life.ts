import { setTimeout as sleep } from "node:timers/promises";
import { type Board, type Shown, ask, isDone } from "./api.ts";
import { type Person, personFor } from "./person.ts";
import type { Random } from "./random.ts";
import type { Site } from "./site.ts";
import type { TargetPlan } from "./targets.ts";

const LOOK_MS = 700;
/** A rotation that nobody knows any more is rebuilt by a scan; people open another one when that takes longer. */
const LOST_AFTER_MS = 90_000;

/** What somebody does once, out of the ordinary, when the rotation is in a state. */
interface Whim {
  weight: number;
  what: "cancel" | "reject" | "hold" | "revoke" | "revoke replacement" | "reinstate" | "kill replacement" | "nothing";
  in: readonly string[];
}
const WHIMS: readonly Whim[] = [
  { weight: 66, what: "nothing", in: [] },
  { weight: 2, what: "reject", in: ["awaiting_approval"] },
  { weight: 6, what: "cancel", in: ["awaiting_replacement", "verifying", "promoting", "propagating", "draining"] },
  { weight: 8, what: "hold", in: ["awaiting_replacement", "promoting", "propagating", "draining", "grace_period"] },
  {
    weight: 5,
    what: "revoke",
    in: ["awaiting_approval", "awaiting_replacement", "verifying", "promoting", "draining"],
  },
  { weight: 3, what: "revoke replacement", in: ["verifying", "promoting", "propagating", "draining"] },
  { weight: 5, what: "reinstate", in: ["grace_period"] },
  { weight: 5, what: "kill replacement", in: ["verifying", "promoting", "propagating", "draining"] },
];

export interface Lives {
  /** No more new rotations and whims; what is open is brought to its end. */
  calmDown(): void;
  stop(): Promise<void>;
  opened: number;
  /** By end state. */
  ended: Record<string, number>;
  /** By attention code, each rotation once per code. */
  attentions: Record<string, number>;
  whims: Record<string, number>;
}

/** The people of all targets: each target has a rotation in flight until they calm down. */
export function startLives(site: Site, board: Board, random: Random): Lives {
  const stopping = new AbortController();
  const shared = { calm: false, opening: 0, stopping: stopping.signal };
  const counts = { opened: 0, ended: {}, attentions: {}, whims: {} };
  const running = site.targets.map((target) =>
    live({ site, board, target, shared, counts, random: random.stream(target.name) }).catch((error: unknown) =>
      site.timeline.note("people.defect", { target: target.name, what: String(error) }),
    ),
  );
  return Object.assign(counts, {
    calmDown: () => void (shared.calm = true),
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  });
}

interface Life {
  site: Site;
  board: Board;
  target: TargetPlan;
  random: Random;
  shared: { calm: boolean; opening: number; stopping: AbortSignal };
  counts: Pick<Lives, "opened" | "ended" | "attentions" | "whims">;
}

const count = (counts: Record<string, number>, name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);

async function live(life: Life): Promise<void> {
  const { site, board, target, random, shared } = life;
  const person = personFor(site, target, random);
  const beside: Promise<void>[] = [];
  const known = new Set<string>();
  await sleep(random.int(0, 8000));
  while (!shared.stopping.aborted) {
    const there = board.ofTarget(target.name);
    // One that came back after it was given up is followed already.
    if (there === undefined || known.has(there.id)) {
      if (!shared.calm && there === undefined) await open(life);
      await sleep(random.int(500, 1500));
      continue;
    }
    life.counts.opened += 1;
    const from = Date.now();
    site.did({ kind: "opened", from, at: from, target: target.name, rotation: there.id });
    // Now and then the next one begins while this one is in its grace period (R5).
    const followed = follow(life, person, there.id, random.chance(0.15));
    known.add(there.id);
    beside.push(followed.end);
    await followed.next;
  }
  await Promise.all(beside);
}

/** Opening looks at every destination of every target (R1): nobody does that sixty times at once. */
const OPENED_AT_ONCE = 3;

async function open({ site, target, random, shared }: Life): Promise<void> {
  while (shared.opening >= OPENED_AT_ONCE) await sleep(100);
  shared.opening += 1;
  try {
    const answer = await ask(site, random, "POST", `/targets/${target.name}/rotate`, { reason: "chaos" });
    if (!isDone(answer)) site.timeline.note("people.not_done", { what: "rotate", target: target.name, ...answer });
  } finally {
    shared.opening -= 1;
  }
}

/** Does what a person does until the rotation is over. `next` resolves when another one may be opened. */
function follow(life: Life, person: Person, id: string, early: boolean): { end: Promise<void>; next: Promise<void> } {
  const { promise: next, resolve: free } = Promise.withResolvers<void>();
  const end = attend(life, person, id, (given) => (early || given === "lost") && free()).finally(free);
  return { end, next };
}

async function attend(
  life: Life,
  person: Person,
  id: string,
  mayOpenAnother: (because: "in grace" | "lost") => void,
): Promise<void> {
  const { site, board, target, random, shared, counts } = life;
  const whim = random.weighted(WHIMS);
  const whimIn = whim.what === "nothing" ? "" : random.pick(whim.in);
  const memory: Memory = { waits: new Map(), key: null, dead: random.chance(0.06), handedOver: 0, held: null };
  const seenCodes = new Set<string>();
  let whimDone = false;
  let lost = false;
  let lastSeen = Date.now();
  while (!shared.stopping.aborted) {
    await sleep(LOOK_MS);
    const r = board.open.get(id);
    if (memory.held !== null && (shared.calm || Date.now() > memory.held.until)) await lift(person, memory);
    if (r === undefined) {
      if (board.readAt < lastSeen) continue;
      const answer = await ask(site, random, "GET", `/rotations/${id}`);
      if (isDone(answer)) {
        const shown = answer.body as unknown as Shown;
        if (!FINAL.has(shown.state)) continue;
        const at = Date.now();
        count(counts.ended, shown.state);
        site.did({ kind: "ended", from: at, at, target: target.name, rotation: id, state: shown.state });
        break;
      }
      if (answer.status === 404 && !lost && Date.now() - lastSeen > LOST_AFTER_MS) {
        lost = true;
        count(counts.ended, "(gone with Redis)");
        site.timeline.note("people.lost", { target: target.name, rotation: id });
        mayOpenAnother("lost");
      }
      continue;
    }
    lastSeen = Date.now();
    if (lost) {
      lost = false;
      count(counts.ended, "(back again)");
      site.timeline.note("people.found_again", { target: target.name, rotation: id });
    }
    if (r.state === "grace_period") mayOpenAnother("in grace");
    const code = r.needsAttention?.code;
    if (code !== undefined && !seenCodes.has(code)) {
      seenCodes.add(code);
      count(counts.attentions, code);
      site.timeline.note("rotation.attention", { rotation: id, state: r.state, ...r.needsAttention });
    }
    if (!whimDone && !shared.calm && r.state === whimIn) {
      whimDone = true;
      if (await indulge(whim, r, life, person, memory)) {
        count(counts.whims, whim.what);
        continue;
      }
    }
    await next(r, life, person, memory);
  }
  if (memory.held !== null) await lift(person, memory);
}

const FINAL = new Set(["completed", "rejected", "expired", "cancelled", "rolled_back", "snoozed"]);

interface Memory {
  /** When the next deed of a kind is due. */
  waits: Map<string, number>;
  /** The replacement that was made, until it is in. */
  key: string | null;
  /** The first key that is handed over does not work. */
  dead: boolean;
  handedOver: number;
  held: { subject: string; until: number } | null;
}

async function lift(person: Person, memory: Memory): Promise<void> {
  if (memory.held !== null && (await person.lift(memory.held.subject))) memory.held = null;
}

/** True once when the time has come; people take a while. */
function isTime({ random, shared }: Life, memory: Memory, what: string, slowestMs: number): boolean {
  const due = memory.waits.get(what);
  if (due === undefined) {
    memory.waits.set(what, Date.now() + (shared.calm ? 0 : random.int(0, slowestMs)));
    return shared.calm;
  }
  if (Date.now() < due) return false;
  // Not done by then: once more, later.
  memory.waits.set(what, Date.now() + 6000);
  return true;
}

async function indulge(whim: Whim, r: Shown, life: Life, person: Person, memory: Memory): Promise<boolean> {
  const { random, target } = life;
  switch (whim.what) {
    case "nothing":
      return false;
    case "reject":
    case "cancel":
    case "reinstate":
      await person.decide(r, whim.what);
      return true;
    case "hold": {
      const subject = random.chance(0.5) ? target.name : r.outgoingKey.id;
      if (await person.hold(subject)) memory.held = { subject, until: Date.now() + random.int(3000, 20_000) };
      return true;
    }
    case "revoke":
      await person.revoke(r.outgoingKey.id);
      return true;
    case "revoke replacement":
      if (r.replacementKey === null) return false;
      await person.revoke(r.replacementKey.id);
      return true;
    case "kill replacement":
      if (r.replacementKey === null) return false;
      await person.disable(r.replacementKey.id);
      return true;
  }
}

/** Attention that a person answers with `proceed`: they know better than the usage report. */
const PROCEED = new Set(["outgoing_still_used", "replacement_unused", "usage_unknown", "outgoing_reactivated"]);
const GIVEN_UP = new Set(["destination_changed", "pending_disagrees", "foreign_pending", "pending_refused"]);
const APPROVE = new Set(["approval_missing", "plan_changed"]);

async function next(r: Shown, life: Life, person: Person, memory: Memory): Promise<void> {
  const { random } = life;
  const code = r.needsAttention?.code ?? "";
  if (r.state === "awaiting_approval") {
    if (isTime(life, memory, "approve", 8000)) await person.approve(r);
  } else if (APPROVE.has(code)) {
    if (isTime(life, memory, "approve again", 4000)) await person.approve(r);
  } else if (r.state === "awaiting_replacement") {
    if (isTime(life, memory, "hand over", 10_000)) await handOver(r, life, person, memory);
  } else if (PROCEED.has(code)) {
    if (isTime(life, memory, "proceed", 4000)) await person.proceed(r);
  } else if (r.state === "reinstated") {
    if (isTime(life, memory, "after reinstating", 6000))
      await person.decide(r, random.chance(0.5) ? "retry" : "cancel");
  } else if (code === "nothing_to_roll_back_to") {
    // The old key is dead: forward is the only way.
    if (isTime(life, memory, "go on", 4000)) await (random.chance(0.5) ? person.proceed(r) : person.decide(r, "retry"));
  } else if (GIVEN_UP.has(code)) {
    // After a Redis that was set back, a rotation may have lost what it was about; others do not get in its way.
    if (isTime(life, memory, "give up", 15_000)) await person.decide(r, "cancel");
  } else if (code === "replacement_dead" && r.state !== "rolling_back") {
    if (isTime(life, memory, "after a dead replacement", 4000)) await person.decide(r, "reinstate");
  } else if (code === "held") {
    // A hold that was lifted while a manager did not answer stays as its mark there, and is named.
    const subject = /step\. (\S+)/.exec(r.needsAttention?.message ?? "")?.[1];
    if (memory.held === null && subject !== undefined && isTime(life, memory, "lift again", 4000))
      await person.lift(subject);
  } else if (code !== "") {
    if (isTime(life, memory, `retry ${code}`, 6000)) await person.decide(r, "retry");
  }
}

async function handOver(r: Shown, life: Life, person: Person, memory: Memory): Promise<void> {
  const { random, site, target, shared } = life;
  memory.key ??= await person.makeKey();
  const { key } = memory;
  if (memory.dead && !shared.calm) {
    memory.dead = false;
    memory.key = null;
    await person.disable(key);
    const outcome = await person.submit(r, key);
    if (outcome === "accepted") site.timeline.note("people.dead_key_accepted", { rotation: r.id, key });
    return;
  }
  const [dest] = target.destinations;
  const byHand = memory.handedOver === 0 && dest !== undefined && site.places[dest.store]?.stage != null;
  memory.handedOver += 1;
  if (byHand && !dest.secret.startsWith("shared") && random.chance(0.15)) {
    await person.stage(r, key).catch(() => undefined);
    // Found within a look; else it is handed over the other way.
    memory.waits.set("hand over", Date.now() + 25_000);
    return;
  }
  const outcome = await person.submit(r, key);
  if (outcome === "accepted" || outcome === "refused") memory.key = null;
}
