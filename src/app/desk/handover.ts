import type { DeskAnswer } from "../../ports/desk.ts";
import type { IntakeLink } from "../../ports/intake-links.ts";
import type { Actor } from "../../ports/settings.ts";
import { KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { authorize, requireMember } from "../authorize.ts";
import { recordRefusal } from "../decisions.ts";
import type { Deps } from "../deps.ts";
import { TWO_WAYS_OUT, lacksFourEyes } from "../four-eyes.ts";
import { type DeskDeps, by, logTrouble, said } from "./decide.ts";
import { nameOf, standing, timeWords, troubleWords } from "./words.ts";

/** How a one-time link is made and brought to somebody; injected, since pages and messages are other parts. */
export interface Handover {
  /** @throws WRONG_STATE unless a replacement is waited for, CONFIG_INVALID without `http.publicUrl` */
  issueLink(
    rotation: string,
    person: IntakeLink["person"],
    issuedBy: string,
  ): Promise<{ url: string; expiresAt: number }>;
  /** Sends the person a private message with a link of their own. null: there is no way to do so. */
  sendLink: ((userId: string, rotation: string, issuedBy: string) => Promise<unknown>) | null;
}

/**
 * Makes a link for the person who asks: an approver, or whoever the rotation's newest link was made for. The earlier link
 * ends.
 */
export async function linkFor(
  desk: DeskDeps & { handover: Handover },
  actor: Actor,
  rotation: string,
): Promise<DeskAnswer & { url?: string; expiresAt?: number }> {
  return waiting(desk, actor, rotation, holderOrApprover, async (record, identities) => {
    assertMayHandOver(desk, record, identities);
    const person = { name: actor.name, via: "slack" as const, identities };
    const { url, expiresAt } = await desk.handover.issueLink(record.id, person, actor.name);
    const text = `Your link for ${nameOf(record)} works once, until ${timeWords(expiresAt)}. An earlier link no longer works.`;
    return { ...said(true, text), url, expiresAt };
  });
}

/** Names somebody else to hand the key over. Only members of the workspace are taken; they need not be approvers. */
export function delegateTo(
  desk: DeskDeps & { handover: Handover },
  actor: Actor,
  rotation: string,
  to: string,
): Promise<DeskAnswer> {
  return waiting(desk, actor, rotation, approver, async (record) => {
    const { deps, handover } = desk;
    if (handover.sendLink === null || deps.directory === null)
      throw new KeyturnError("WRONG_STATE", "Private messages are not set up.", {
        next: `keyturn submit ${record.id}`,
      });
    const [team, member] = await Promise.all([deps.directory.teamId(), deps.directory.member(to)]);
    if (member === null || (member.teamId !== team && member.teamId !== ""))
      throw new KeyturnError("NOT_AN_APPROVER", "That person belongs to another workspace.");
    if (member.barred !== null) throw new KeyturnError("NOT_AN_APPROVER", `That account is ${member.barred}.`);
    const name = `slack:${to}`;
    assertMayHandOver(desk, record, member.email === null ? [name] : [name, `mail:${member.email}`], name);
    await handover.sendLink(to, record.id, actor.name);
    await deps.audit.append([
      {
        at: deps.clock.now(),
        rotation: record.id,
        target: record.target,
        action: "intake.delegated",
        actor: actor.name,
        via: actor.via,
        evidence: { to: name },
      },
    ]);
    return said(true, `${name} hands the key for ${nameOf(record)} over, and got a private message with a link.`);
  });
}

/** Four eyes are told here already, so that nobody makes a key in the Console that is then refused. */
function assertMayHandOver({ deps }: DeskDeps, r: Rotation, identities: readonly string[], other?: string): void {
  if (!lacksFourEyes(deps.settings, r, [identities])) return;
  const isApprover = r.approvals.some((a) => (a.identities ?? [a.actor]).some((each) => identities.includes(each)));
  const why = isApprover ? "approved this rotation" : "cannot be told from whoever approved this rotation";
  throw new KeyturnError(
    "NOT_AN_APPROVER",
    other === undefined
      ? `You ${why}, so somebody else has to hand the key over (four eyes): choose them on the card.`
      : `${other} ${why}, so somebody else has to hand the key over (four eyes).`,
    { next: TWO_WAYS_OUT },
  );
}

/** Everything that names the person. @throws NOT_AN_APPROVER, DIRECTORY_UNAVAILABLE */
type Entitled = (deps: Deps, actor: Actor, rotation: string) => Promise<readonly string[]>;

const approver: Entitled = async (deps, actor) => (await authorize(deps, actor, null)).identities;

/** Somebody who was named is no approver perhaps: the link is theirs all the same, and so is another one. */
const holderOrApprover: Entitled = async (deps, actor, rotation) => {
  const newest = actor.slack === undefined ? null : await deps.links.newest(rotation);
  if (newest?.person.name !== actor.name) return approver(deps, actor, rotation);
  const { email } = await requireMember(deps.directory, actor);
  return email === null ? [actor.name] : [actor.name, `mail:${email}`];
};

async function waiting<A extends DeskAnswer>(
  desk: DeskDeps,
  actor: Actor,
  rotation: string,
  entitled: Entitled,
  work: (r: Rotation, identities: readonly string[]) => Promise<A>,
): Promise<A | DeskAnswer> {
  const { deps, refusals } = desk;
  let record: Rotation | null = null;
  try {
    record = await deps.rotations.load(rotation);
    if (record === null) {
      await refusals.note("unknown_rotation", { actor: actor.name, rotation });
      return said(false, "This card is older than what Keyturn remembers; use the newest card, or /keyturn status.");
    }
    const identities = await entitled(deps, actor, rotation);
    if (record.state !== "awaiting_replacement") throw new KeyturnError("WRONG_STATE", "No key is waited for.");
    return await work(record, identities);
  } catch (error) {
    const known = asKeyturnError(error);
    logTrouble(deps, known, { rotation, actor: actor.name });
    if (record !== null) await recordRefusal(deps, record, by(actor), known);
    const stale = known.code === "WRONG_STATE" && record !== null && record.state !== "awaiting_replacement";
    return said(
      false,
      stale && record !== null ? `No key is waited for here. ${standing(record)}` : troubleWords(known),
    );
  }
}
