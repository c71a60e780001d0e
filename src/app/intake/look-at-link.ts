import type { IntakeLink, LinkState } from "../../ports/intake-links.ts";
import type { Actor } from "../../ports/settings.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import type { Deps } from "../deps.ts";
import { isLinkToken, linkHashOf } from "./link-token.ts";
import { requirePerson } from "./links.ts";
import { type NewKey, datedName, surroundingsOf } from "./new-keys.ts";

/** Why a link is of no use: its own state, or its rotation's. */
export type ClosedLink = Exclude<LinkState["state"], "open"> | "not_waiting";

/** What the page shows to whoever holds the link. Nothing of the token, and of keys no more than hints. */
export interface LinkFacts {
  rotation: string;
  target: string | null;
  compromised: boolean;
  outgoing: { name: string; hint: string | null };
  workspaceId: string | null;
  /** The outgoing key is bound to no workspace. */
  allWorkspaces: boolean;
  /** The kind of key that the outgoing one is, as the Console's dialog calls the choice. */
  owner: "workspace" | "person" | "service_account";
  suggestedName: string;
  /** Another name will be refused (R22). */
  nameRequired: boolean;
  /** null: the Admin API cannot be asked now. */
  newKeys: NewKey[] | null;
  expiresAt: Instant;
  /** When the wait for a key ends by itself. */
  deadline: Instant | null;
  attemptsLeft: number;
  now: Instant;
}
export type LinkLook =
  | { state: "open"; facts: LinkFacts }
  /** `handedOver`: with this link a key was accepted, whose hint this is. */
  | { state: ClosedLink; rotation: string | null; handedOver: string | null };

/**
 * What a link is good for. Looking consumes nothing, however often and by whomever.
 * @param visitor who signed in, where signing in is configured; null: not asked for
 * @throws NOT_AN_APPROVER when the link was made for somebody else, REDIS_UNAVAILABLE
 */
export async function lookAtLink(deps: Deps, token: string, visitor: Actor | null = null): Promise<LinkLook> {
  const now = deps.clock.now();
  const found: LinkState = isLinkToken(token) ? await deps.links.look(linkHashOf(token), now) : { state: "unknown" };
  if (found.state === "unknown") return { state: "unknown", rotation: null, handedOver: null };
  if (visitor !== null) await requirePerson(deps, found.link, visitor);
  const r = await deps.rotations.load(found.link.rotation);
  const closed = (state: ClosedLink): LinkLook => ({
    state,
    rotation: found.link.rotation,
    handedOver: r !== null && isHandedOverBy(r, found.link) ? (r.replacement?.hint ?? null) : null,
  });
  if (found.state !== "open") return closed(found.state);
  if (r === null || r.state !== "awaiting_replacement") return closed("not_waiting");
  return { state: "open", facts: await factsOf(deps, r, found.link, now) };
}

const isHandedOverBy = (r: Rotation, link: IntakeLink): boolean =>
  r.replacement !== null && r.submittedBy === link.person.name;

async function factsOf(deps: Deps, r: Rotation, link: IntakeLink, now: Instant): Promise<LinkFacts> {
  const around = await surroundingsOf(deps, r);
  const { name, hint, workspaceId, principal, scope } = r.outgoing;
  return {
    rotation: r.id,
    target: r.target,
    compromised: r.reason === "compromised",
    outgoing: { name, hint },
    workspaceId,
    allWorkspaces: scope === "organization" && workspaceId === null,
    owner: principal === null ? "workspace" : principal.startsWith("svac_") ? "service_account" : "person",
    suggestedName: around?.suggestedName ?? r.plan.requiredName ?? datedName(name, r.enteredAt),
    nameRequired: r.plan.requiredName !== null,
    newKeys: around?.keys ?? null,
    expiresAt: link.expiresAt,
    deadline: r.deadline,
    attemptsLeft: link.attemptsLeft,
    now,
  };
}
