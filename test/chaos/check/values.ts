import type { Deed, DestinationFacts, Violation } from "./evidence.ts";
import type { Look } from "./look.ts";

/** The store's history notes a change some milliseconds after it took effect. */
const NOTED_WITHIN_MS = 250;

type Accepted = Extract<Deed, { kind: "accepted" | "staged" }>;
const accepted = (look: Look): Accepted[] => look.deeds("accepted", "staged");
const place = (dest: DestinationFacts): string =>
  `${dest.store}/${dest.secret}${dest.field === null ? "" : `#${dest.field}`}`;

/** P2: what was answered "accepted" was in a pending or current place by then, and went nowhere without a reason. */
export function acceptedIsKept(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const deed of look.deeds("accepted")) {
    const say = (what: string): void =>
      void found.push({ promise: "P2", at: deed.at, what: `${deed.key} (${deed.target}, ${deed.rotation}) ${what}` });
    const dests = look.destinationsOf(deed.target);
    if (!dests.some((dest) => wasThere(look, dest, deed))) say("was accepted, and no destination had it");
    const promoted = dests.every((dest) =>
      // Also when it was in use before: it may be handed over once more.
      look
        .statesOf(dest)
        .some(
          (state, i, states) =>
            (states[i + 1]?.at ?? Infinity) >= deed.from && look.keyIn(state.current[dest.field ?? ""]) === deed.key,
        ),
    );
    const waits = dests.some((dest) => {
      const last = look.statesOf(dest).at(-1);
      return last !== undefined && last.pending.some((digest) => look.keyIn(digest) === deed.key);
    });
    if (!promoted && !waits && !hasReason(look, deed))
      say("was accepted, and is neither in use nor pending, for no stated reason");
  }
  return found;
}

/** In the states that held between question and answer. */
function wasThere(look: Look, dest: DestinationFacts, deed: Accepted): boolean {
  const states = look.statesOf(dest);
  return states.some((state, i) => {
    const until = states[i + 1]?.at ?? Infinity;
    if (state.at > deed.at + NOTED_WITHIN_MS || until < deed.from) return false;
    return [...state.pending, state.current[dest.field ?? ""]].some((digest) => look.keyIn(digest) === deed.key);
  });
}

/** A person stopped it, or the key itself. */
const hasReason = (look: Look, deed: Accepted): boolean =>
  look.people.some((other) => {
    if (other.at < deed.from) return false;
    switch (other.kind) {
      case "cancelled":
      case "reinstated":
        return other.rotation === deed.rotation;
      case "revoked":
      case "disabled":
        return other.key === deed.key;
      case "accepted":
      case "staged":
        return other.rotation === deed.rotation && other.key !== deed.key && other.from >= deed.from;
      default:
        return false;
    }
  });

/** P6, P9: each change of a secret is one field's step to an accepted replacement, or back where it came from for a reason. */
export function oneAtATime(look: Look): Violation[] {
  const found: Violation[] = [];
  const secrets = Map.groupBy(look.destinations, ({ store, secret }) => `${store}/${secret}`);
  for (const [name, dests] of secrets) {
    const states = look.statesOf(dests[0] as DestinationFacts);
    for (const [i, state] of states.entries()) {
      const before = states[i - 1];
      if (before === undefined) continue;
      const say = (promise: string, what: string): void =>
        void found.push({ promise, at: state.at, what: `${name}: ${what}` });
      if (state.rest !== before.rest) say("P9", "what others keep in it was changed");
      const changed = dests.filter((d) => state.current[d.field ?? ""] !== before.current[d.field ?? ""]);
      if (changed.length > 1) say("P6", "two fields were changed at once");
      for (const dest of changed) {
        const [old, next] = [before, state].map((each) => look.keyIn(each.current[dest.field ?? ""]));
        const why = unexplained(look, dest, old ?? null, next ?? null, state.at);
        if (why !== null) say("P6", `${old} → ${next}: ${why}`);
      }
    }
  }
  return [...found, ...notInterleaved(look)];
}

function unexplained(
  look: Look,
  dest: DestinationFacts,
  old: string | null,
  next: string | null,
  at: number,
): string | null {
  if (next === null) return "the value belongs to no key";
  const forward = accepted(look).some((deed) => deed.key === next && deed.target === dest.target && deed.from <= at);
  const backward = accepted(look).find((deed) => deed.key === old && deed.target === dest.target && deed.from <= at);
  const wasBefore = look
    .statesOf(dest)
    .some((state) => state.at < at && look.keyIn(state.current[dest.field ?? ""]) === next);
  // Back to the value that the rotation's own replacement had replaced.
  if (wasBefore) {
    if (backward !== undefined && hasReason(look, backward)) return null;
    return "an earlier value came back, for no stated reason";
  }
  return forward ? null : "nobody had handed this key over";
}

/** Between the first and the last destination that one replacement goes to, no other one goes to any of them. */
function notInterleaved(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const target of new Set(look.destinations.map((dest) => dest.target))) {
    const steps = look
      .destinationsOf(target)
      .flatMap((dest) => {
        const states = look.statesOf(dest);
        return states.flatMap((state, i) => {
          const key = look.keyIn(state.current[dest.field ?? ""]);
          const before = i === 0 ? null : look.keyIn(states[i - 1]?.current[dest.field ?? ""]);
          return i === 0 || key === before ? [] : [{ at: state.at, key, place: place(dest) }];
        });
      })
      .toSorted((a, b) => a.at - b.at);
    const seen = new Set<string | null>();
    for (const [i, step] of steps.entries()) {
      if (
        step.key !== steps[i - 1]?.key &&
        seen.has(step.key) &&
        accepted(look).some((deed) => deed.key === step.key)
      ) {
        const back = accepted(look).some((deed) => deed.key === steps[i - 1]?.key && hasReason(look, deed));
        if (!back)
          found.push({
            promise: "P6",
            at: step.at,
            what: `${target}: ${step.place} got ${step.key} after another rotation had begun`,
          });
      }
      seen.add(step.key);
    }
  }
  return found;
}

/** What a manager wrote after we had stopped waiting for it is seen and put back after the end, within this time. */
const TAKEN_BACK_WITHIN_MS = 45_000;

/** P7: a completed rotation left exactly the replacement that was accepted for it, and an archived outgoing key. */
export function endedAsAccepted(look: Look): Violation[] {
  const found: Violation[] = [];
  for (const end of look.deeds("ended")) {
    const say = (what: string): void =>
      void found.push({
        promise: "P7",
        at: end.at,
        what: `${end.rotation} (${end.target}) ended ${end.state}: ${what}`,
      });
    const opened = look.deeds("opened").find((deed) => deed.rotation === end.rotation);
    if (opened === undefined) continue;
    const dests = look.destinationsOf(end.target);
    const outgoing = new Set(dests.map((dest) => look.holding(dest, opened.from)));
    const own = accepted(look).filter((deed) => deed.rotation === end.rotation);
    for (const dest of dests) {
      const values = look
        .statesOf(dest)
        .filter((state) => state.at >= opened.from && state.at <= end.at)
        .map((state) => look.keyIn(state.current[dest.field ?? ""]));
      const last = look.holding(dest, end.state === "completed" ? end.at : end.at + TAKEN_BACK_WITHIN_MS);
      if (end.state === "completed") {
        // A newer rotation of the target may have gone on while this one was in its grace period.
        if (!own.some((deed) => values.includes(deed.key))) say(`${place(dest)} never held its replacement`);
        if (last !== null && outgoing.has(last)) say(`${place(dest)} holds the outgoing key`);
      } else if (own.some((deed) => deed.key === last)) say(`${place(dest)} holds its replacement`);
    }
    if (end.state !== "completed") continue;
    for (const key of outgoing)
      if (key !== null && look.histories[key]?.findLast((c) => c.at <= end.at)?.status !== "archived")
        say(`its outgoing key ${key} is not archived`);
  }
  return found;
}
