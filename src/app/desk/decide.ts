import type { CardClick, DeskAnswer } from "../../ports/desk.ts";
import type { Refusals } from "../../ports/refusals.ts";
import type { Actor } from "../../ports/settings.ts";
import { KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { approve } from "../approve.ts";
import { authorize } from "../authorize.ts";
import { type Decider, recordRefusal, reject, retry, snooze } from "../decisions.ts";
import type { Deps } from "../deps.ts";
import { STATE_WORDS, clipped, nameOf, standing, timeWords, troubleWords } from "./words.ts";

export interface DeskDeps {
  deps: Deps;
  refusals: Refusals;
}

/** Clicks carry no `--break-glass`: that stays a command with a reason. */
export const by = (actor: Actor): Decider => ({ actor, breakGlass: null });

export const said = (ok: boolean, text: string): DeskAnswer => ({ ok, text: clipped(text) });

/** Of a rejection's reason, in characters. */
const MIN_REASON = 3;

/** Two clicks at one moment: the loser looks again, and is then told who decided, or counted as the next approval. */
const TRIES = 3;

export const approveCard = (desk: DeskDeps, click: CardClick): Promise<DeskAnswer> =>
  decideCard(
    desk,
    click,
    () => approve(desk.deps, click.rotation, by(click.actor), click.planHash),
    (r, since) => {
      const mine = r.approvals.find((a) => a.actor === click.actor.name);
      if (mine !== undefined && mine.at < since)
        return `Your approval of ${nameOf(r)} is counted since ${timeWords(mine.at)}. ${standing(r)}`;
      if (r.state === "awaiting_approval") {
        const missing = Math.max(1, r.approvalsNeeded - r.approvals.length);
        return `Your approval of ${nameOf(r)} is counted. ${missing} more needed, from somebody else.`;
      }
      return r.state === "awaiting_replacement"
        ? `Approved. ${nameOf(r)} now waits for somebody to create the replacement key in the Console and hand it over.`
        : `Approved. ${nameOf(r)} is ${STATE_WORDS[r.state]}.`;
    },
  );

/** Slack's form asks for a reason too, but what comes back is the sender's. */
export const rejectCard = async (desk: DeskDeps, click: CardClick, reason: string): Promise<DeskAnswer> => {
  if (reason.trim().length < MIN_REASON) {
    await desk.refusals.note("no_reason", { actor: click.actor.name, rotation: click.rotation });
    return said(false, `Not saved: please say why, in ${MIN_REASON} characters or more.`);
  }
  return decideCard(
    desk,
    click,
    () => reject(desk.deps, click.rotation, by(click.actor), reason, click.planHash),
    (r, since) => ended(r, since) ?? `Rejected. ${nameOf(r)} is not proposed again${notBefore(r)}.`,
  );
};

export const snoozeCard = (desk: DeskDeps, click: CardClick, forMs: number): Promise<DeskAnswer> =>
  decideCard(
    desk,
    click,
    () => snooze(desk.deps, click.rotation, by(click.actor), desk.deps.clock.now() + forMs, click.planHash),
    (r, since) => ended(r, since) ?? `Put off. ${nameOf(r)} is not proposed again${notBefore(r)}.`,
  );

export const retryCard = (desk: DeskDeps, click: CardClick): Promise<DeskAnswer> =>
  decideCard(
    desk,
    click,
    () => retry(desk.deps, click.rotation, by(click.actor), true),
    (r) => `Keyturn looks at ${nameOf(r)} again now.`,
  );

/**
 * Whether this person may decide this card as it stands: asked before a form is opened, so that nobody writes a reason in
 * vain. The decision itself asks again.
 */
export const considerCard = (desk: DeskDeps, click: CardClick): Promise<DeskAnswer> =>
  answering(desk, click, async () => {
    const record = await load(desk, click);
    const refuse = async (error: KeyturnError): Promise<never> => {
      await recordRefusal(desk.deps, record, by(click.actor), error);
      throw error;
    };
    await authorize(desk.deps, click.actor, null).catch((error: unknown) => refuse(asKeyturnError(error)));
    if (record.state !== "awaiting_approval") return refuse(new KeyturnError("WRONG_STATE", "It is decided."));
    if (!record.planHash.startsWith(click.planHash))
      return refuse(new KeyturnError("WRONG_STATE", PLAN_CHANGED, { reason: "plan_changed" }));
    return said(true, standing(record));
  });

const PLAN_CHANGED = "The plan changed since this card was written; look at the newest card and decide there.";

function decideCard(
  desk: DeskDeps,
  click: CardClick,
  act: () => Promise<Rotation>,
  words: (r: Rotation, since: number) => string,
): Promise<DeskAnswer> {
  return answering(desk, click, async () => {
    await load(desk, click);
    const since = desk.deps.clock.now();
    for (let tries = 1; ; tries++) {
      try {
        return said(true, words(await act(), since));
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (tries < TRIES) continue;
        await desk.refusals.note("conflict", { actor: click.actor.name, rotation: click.rotation });
        throw error;
      }
    }
  });
}

const isConflict = (error: unknown): boolean => error instanceof KeyturnError && error.code === "CONFLICT";

async function load({ deps, refusals }: DeskDeps, click: CardClick): Promise<Rotation> {
  const record = await deps.rotations.load(click.rotation);
  if (record !== null) return record;
  await refusals.note("unknown_rotation", { actor: click.actor.name, rotation: click.rotation });
  throw new KeyturnError("NOT_FOUND", `Rotation ${click.rotation} is not known here.`, {
    next: "This card is older than what Keyturn remembers; use the newest card of the target, or /keyturn status.",
  });
}

/** Turns whatever goes wrong into words; a card that is out of date is answered with who decided what, and when. */
async function answering(desk: DeskDeps, click: CardClick, work: () => Promise<DeskAnswer>): Promise<DeskAnswer> {
  try {
    return await work();
  } catch (error) {
    const known = asKeyturnError(error);
    logTrouble(desk.deps, known, { rotation: click.rotation, actor: click.actor.name });
    if (known.code !== "WRONG_STATE") return said(false, troubleWords(known));
    const now = await desk.deps.rotations.load(click.rotation).catch(() => null);
    if (now === null) return said(false, troubleWords(known));
    if (known.reason === "plan_changed" && now.state === "awaiting_approval")
      return said(false, `Nothing was decided. ${PLAN_CHANGED}`);
    if (known.reason === "deadline_passed")
      return said(
        false,
        `Nothing was decided: the time to decide on ${nameOf(now)} is over, so it ends now. Its card says from when it is proposed again.`,
      );
    return said(
      false,
      now.state === "awaiting_approval" ? troubleWords(known) : `Nothing was changed. ${standing(now)}`,
    );
  }
}

/** What no refusal on record tells of: our own faults, and a database that cannot take the record. */
export function logTrouble({ log }: Deps, error: KeyturnError, about: Record<string, unknown>): void {
  if (error.code === "INTERNAL") log.error({ event: "desk.failed", ...about, err: error }, "a click or command failed");
  else if (error.fixedBy === "waiting")
    log.warn({ event: "desk.not_saved", ...about, code: error.code }, "a click or command was not saved");
}

/** For a decision that somebody else made before: repeating it changes nothing, and says so. */
function ended(r: Rotation, since: number): string | null {
  return r.endedAt !== null && r.endedAt < since ? `Nothing was changed. ${standing(r)}` : null;
}

const notBefore = (r: Rotation): string => (r.notBefore === null ? "" : ` before ${timeWords(r.notBefore)}`);
