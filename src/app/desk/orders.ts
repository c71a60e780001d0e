import leven from "leven";
import type { DeskAnswer } from "../../ports/desk.ts";
import type { Actor } from "../../ports/settings.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { destinationId, describeDestination } from "../../rotation/locks.ts";
import { authorizeOn } from "../decisions.ts";
import type { Deps } from "../deps.ts";
import { openRotations } from "../find.ts";
import { hold, unhold } from "../hold.ts";
import { resolveTarget } from "../plans.ts";
import { revoke } from "../revoke.ts";
import { rotate } from "../rotate.ts";
import { by, logTrouble, said } from "./decide.ts";
import { nameOf, standing, troubleWords } from "./words.ts";

/*
 * What a slash command orders on a target or key by name. Who may is asked first; a refusal is on record (authorizeOn).
 */

export const rotateNow = (deps: Deps, actor: Actor, target: string, reason: string | null): Promise<DeskAnswer> =>
  ordering(deps, target, async () => {
    await authorizeOn(deps, target, by(actor));
    const r = await rotate(deps, target, actor, reason);
    return said(true, `Rotation ${r.id} of ${nameOf(r)} is open; its card comes to the channel. ${standing(r)}`);
  });

/** @param subject a target, or a key id in full: for a key of no target that is the confirmation (R4) */
export const revokeNow = (deps: Deps, actor: Actor, subject: string): Promise<DeskAnswer> =>
  ordering(deps, subject, async () => {
    const { message } = await revoke(deps, subject, by(actor), { unmanaged: subject.startsWith("apikey_") });
    return said(true, `Revoking. ${message}`);
  });

/** What revoking would break, for the confirmation. Changes nothing; answers those who may not right away. */
export const revokeImpact = (deps: Deps, actor: Actor, subject: string): Promise<DeskAnswer> =>
  ordering(deps, subject, async () => {
    await authorizeOn(deps, subject, by(actor));
    const open = (await openRotations(deps)).find(
      (r) => r.outgoing.id === subject || r.replacement?.id === subject || r.plan.targets.includes(subject),
    );
    const known = [...(resolveTarget(deps.settings, subject)?.destinations ?? []), ...(open?.plan.destinations ?? [])];
    const places = [...new Map(known.map((d) => [destinationId(d), describeDestination(d)])).values()];
    if (known.length === 0 && !subject.startsWith("apikey_"))
      return said(false, `Nothing was changed: no target is called "${subject}".${nearest(deps, subject)}`);
    const readers =
      places.length === 0
        ? "It belongs to no target that Keyturn knows: whatever uses it stops working."
        : `Whatever reads ${places.join(", ")} stops working until a replacement key is handed over.`;
    const what = open === null || open === undefined ? subject : `${nameOf(open)} (key ${open.outgoing.name})`;
    return said(
      true,
      `${what} is deactivated now, before any replacement exists. ${readers} Do this when the key may have leaked. "keyturn reinstate" undoes it until the key is archived.`,
    );
  });

export const holdNow = (deps: Deps, actor: Actor, subject: string): Promise<DeskAnswer> =>
  ordering(deps, subject, async () => {
    await hold(deps, subject, by(actor));
    return said(true, `Held. Nothing of ${subject} is deactivated or archived until /keyturn unhold ${subject}.`);
  });

export const unholdNow = (deps: Deps, actor: Actor, subject: string): Promise<DeskAnswer> =>
  ordering(deps, subject, async () => {
    await unhold(deps, subject, by(actor));
    return said(true, `The hold on ${subject} is lifted; its clocks run again.`);
  });

export async function ordering(deps: Deps, subject: string, work: () => Promise<DeskAnswer>): Promise<DeskAnswer> {
  try {
    return await work();
  } catch (error) {
    const known = asKeyturnError(error);
    logTrouble(deps, known, { subject });
    const near = known.code === "NOT_FOUND" ? nearest(deps, subject) : "";
    return said(false, `${troubleWords(known)}${near}`);
  }
}

/** ` Did you mean "…"?` when a configured target is called something like it. */
function nearest({ settings }: Deps, given: string): string {
  const best = settings.targets
    .map(({ name }) => ({ name, far: leven(given, name) }))
    .toSorted((a, b) => a.far - b.far)[0];
  return best !== undefined && best.far <= Math.max(1, Math.floor(given.length / 2))
    ? ` Did you mean "${best.name}"?`
    : "";
}
