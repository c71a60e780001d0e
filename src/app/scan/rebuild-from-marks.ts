import { isOutrun, knowsUpTo } from "../../rotation/behind.ts";
import type { LastKnown } from "../../ports/audit.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { MarkFacts } from "../../rotation/marks.ts";
import type { Deps } from "../deps.ts";
import { marksInTime } from "../marks-seen.ts";
import { type HabitReader, habitReader } from "../habit.ts";
import { type Claim, claimsOf, inSink } from "./claims.ts";
import { type NoProposal, asProposal, proposalFrom, replacementInUse } from "./proposal.ts";
import type { ReadTarget } from "./read-targets.ts";
import type { Problem } from "./report.ts";
import { restoreHold, saveRebuilt } from "./restore.ts";
import type { Survey } from "./survey.ts";

/**
 * Rebuilds what only the marks know of, as a proposal that a person has to approve again: a mark is a hint and no
 * authority (R2, R16). With a verified sink that would know the rotation, a mark alone proves nothing and is reported.
 * Holds in marks come back in any case. @returns the ids that were rebuilt, and those that have nothing left to do
 */
export async function rebuildFromMarks(
  deps: Deps,
  found: Pick<Survey, "bound">,
  known: LastKnown | null,
  problems: Problem[],
): Promise<{ rebuilt: string[]; spent: Set<string> }> {
  const read = found.bound.map(([r]) => r);
  await keepHolds(deps, read);
  const rebuilt: string[] = [];
  const spent = new Set<string>();
  const seen = { ...found, habitOf: habitReader(deps) };
  for (const claim of claimsOf(read, deps.settings.install)) {
    const done = await rebuildOne(deps, claim, seen, known, problems);
    if (done === true) rebuilt.push(claim.rotation);
    if (done === "spent") spent.add(claim.rotation);
  }
  return { rebuilt, spent };
}

async function keepHolds(deps: Deps, read: readonly ReadTarget[]): Promise<void> {
  const marked = read
    .flatMap((r) => r.marks.map(({ facts }) => ({ target: r.target.name, facts })))
    .filter(({ facts }) => facts.hold !== null);
  if (marked.length === 0) return;
  const held = new Set(Object.keys(await deps.holds.list()));
  for (const { target, facts } of marked) {
    const subject = subjectOf(deps, target, facts);
    if (held.has(subject)) continue;
    held.add(subject);
    await restoreHold(deps, subject, "mark", "marks");
  }
}

/** A mark holds the subject in letters that every manager takes (src/app/hold.ts); whoever is meant, the target is held. */
function subjectOf(deps: Deps, target: string, { hold }: MarkFacts): string {
  if (hold === null || hold.startsWith("apikey_")) return hold ?? target;
  const fits = (name: string) => name.replaceAll(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 200) === hold;
  return fits(target) ? target : (deps.settings.targets.find((t) => fits(t.name))?.name ?? target);
}

async function rebuildOne(
  deps: Deps,
  claim: Claim,
  found: Pick<Survey, "bound"> & { habitOf: HabitReader },
  known: LastKnown | null,
  problems: Problem[],
): Promise<boolean | "spent"> {
  const id = claim.rotation;
  const target = claim.targets[0]?.target.name ?? null;
  const there = await deps.rotations.load(id);
  if (there !== null) {
    // An emergency goes its way first.
    if (there.state === "revoking" || there.state === "reinstating") return false;
    const named = claim.replacement.some((key) => key !== there.replacement?.id);
    if (there.endedAt !== null || (claim.revision <= knowsUpTo(there) && !named)) return false;
    if (!isOutrun(there, await marksInTime(deps, there))) return false;
    const inUse = await replacementInUse(deps, claim, there);
    problems.push({
      code: "state_behind",
      target,
      message: `the marks of rotation ${id} are at revision ${claim.revision}, Redis has ${there.revision}; it has to be approved again${instead(there, inUse)}`,
    });
    const proposal = await settled(deps, { ...asProposal(there, claim, deps.clock.now()), ...inUse });
    return saveRebuilt(deps, proposal, there.revision, { from: "marks", marked: claim.revision });
  }
  const sink = inSink(known, claim);
  // Open there and not here: its restore was refused and reported. Ended: the marks are tidied up.
  if (sink === "open" || sink === "ended") return false;
  if (sink === "never") {
    problems.push({
      code: "unknown_mark",
      target,
      message: `the marks name rotation ${id}, which the audit log does not know; they are not used`,
    });
    return false;
  }
  const proposal = await proposalFrom(deps, claim, found, found.habitOf);
  if (typeof proposal === "string") {
    if (proposal === "over") return "spent";
    problems.push({
      code: "unknown_mark",
      target,
      message: `the marks name rotation ${id}; ${WHY[proposal]}; they are not used`,
    });
    return false;
  }
  return saveRebuilt(deps, await settled(deps, proposal), 0, { from: "marks", outgoing: proposal.outgoing.id });
}

/** A replacement that the marks name and that was not found is no reason to stop once more. */
async function settled(deps: Deps, proposal: Rotation): Promise<Rotation> {
  const marks = await marksInTime(deps, proposal);
  return marks === null || marks.unknownReplacement === null
    ? proposal
    : { ...proposal, settledKey: marks.unknownReplacement };
}

/** What was handed over to a record that did not know of the first replacement is not used, and said so (P2). */
const instead = (there: Rotation, inUse: Pick<Rotation, "replacement"> | null): string =>
  inUse === null || there.replacement === null
    ? ""
    : `; applications read ${inUse.replacement?.name ?? "another key"}, so ${there.replacement.name} is not needed: archive it`;

const WHY: Record<Exclude<NoProposal, "over">, string> = {
  contradiction: "they contradict each other or name no key",
  not_here: "none of its keys is in a destination that they mark",
};
