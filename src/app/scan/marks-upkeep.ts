import { aboutOf } from "../../rotation/about.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import { type Phase, marksAfterEnd } from "../../rotation/marks.ts";
import type { Destination, Rotation } from "../../rotation/record.ts";
import type { State } from "../../rotation/states.ts";
import { isPromoted } from "../../rotation/transition.ts";
import { isNewer } from "../../rotation/newer.ts";
import { type Deps, storeOf } from "../deps.ts";
import { foreignInstall, markOne, marksOf } from "../marking.ts";
import type { Problem } from "./report.ts";
import type { Survey } from "./survey.ts";
import type { Known } from "./upkeep.ts";

/** The phase that a rotation's marks show in each state. */
const PHASE: Partial<Record<State, Phase>> = {
  awaiting_approval: "claim",
  revoking: "revoke",
  awaiting_replacement: "claim",
  verifying: "stage",
  promoting: "promote",
  propagating: "promoted",
  draining: "promoted",
  deactivating: "deactivate",
  grace_period: "deactivated",
  archiving: "archive",
  reinstating: "reinstate",
  reinstated: "reinstate",
  rolling_back: "roll_back",
};

const phaseOf = (r: Rotation): Phase =>
  r.state === "reinstating" && !isPromoted(r) ? "claim" : (PHASE[r.state] ?? "claim");

/** Writes the marks of open rotations again where somebody removed them, Terraform for one (R16). */
export async function rewriteMarks(deps: Deps, { open }: Known, problems: Problem[]): Promise<void> {
  // The newest first: a destination in grace may belong to the next rotation already, whose marks count (R5).
  for (const r of [...open.values()].filter((each) => !isNewer(each)).toReversed()) {
    for (const dest of r.plan.destinations) {
      try {
        const facts = await marksOf(deps, dest);
        // Another rotation of ours may have the marks of a secret with several fields; another installation's stay.
        const taken =
          facts.rotation !== null && (open.has(facts.rotation) || foreignInstall(facts, r.install) !== null);
        if (taken) continue;
        await markOne(deps, r, dest, phaseOf(r), await ownFingerprint(deps, r, dest));
        // Not yet claimed is not removed: the first claim may have met a store that was down.
        if (r.state !== "awaiting_approval")
          problems.push({
            code: "mark_removed",
            target: r.target,
            message: `the marks at ${describeDestination(dest)} were gone; they were written again`,
          });
      } catch (error) {
        deps.log.warn(
          { event: "marks.unwritable", ...aboutOf(r), code: asKeyturnError(error).code },
          "marks could not be checked",
        );
      }
    }
  }
}

/** The value's fingerprint if it is one of this rotation's keys; a mark never vouches for anything else. */
async function ownFingerprint(deps: Deps, r: Rotation, dest: Destination): Promise<string | null> {
  const found = await (await storeOf(deps, dest)).read(dest);
  const fingerprint = found?.value.fingerprint ?? null;
  found?.value.wipe();
  return fingerprint !== null && [r.outgoing.fingerprint, r.replacement?.fingerprint].includes(fingerprint)
    ? fingerprint
    : null;
}

/** Reduces marks that still name a rotation which is over to what recognises the value. */
export async function tidyMarks(deps: Deps, { bound }: Pick<Survey, "bound">, known: Known): Promise<void> {
  for (const [{ marks, destinations }, b] of bound) {
    for (const { dest, facts } of marks) {
      if (
        facts.rotation === null ||
        facts.install !== deps.settings.install ||
        !(known.spent.has(facts.rotation) || (await known.standing(facts.rotation)) === "over")
      )
        continue;
      const value = destinations.find((d) => d.dest === dest);
      const key = b.key !== null && value !== undefined ? { id: b.key.id, fingerprint: value.fingerprint } : null;
      try {
        await (
          await storeOf(deps, dest)
        ).mark(dest, marksAfterEnd(deps.settings.install, key?.id ?? null, key?.fingerprint ?? null));
      } catch (error) {
        deps.log.warn(
          { event: "marks.unwritable", rotation: facts.rotation, code: asKeyturnError(error).code },
          "stale marks could not be removed",
        );
      }
    }
  }
}
