import type { IntakeLink, LinkState } from "../../ports/intake-links.ts";
import type { Actor } from "../../ports/settings.ts";
import { aboutId } from "../../rotation/about.ts";
import { type KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import { readPaste } from "../../rotation/intake-format.ts";
import type { Rotation } from "../../rotation/record.ts";
import { fingerprintOf } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import { isLinkToken, linkHashOf } from "./link-token.ts";
import { requirePerson } from "./links.ts";
import type { ClosedLink } from "./look-at-link.ts";
import { type SubmitOptions, type Submitted, submit } from "./submit.ts";

/** A submission takes its link for so long: longer than the record's own lease (milliseconds). If we die, it is free again. */
const TAKEN_MS = 4 * 60_000;

export type LinkSubmission =
  | ({ state: "accepted" } & Submitted)
  | { state: "refused"; error: KeyturnError; attemptsLeft: number }
  /** The trouble was ours, or somebody else's turn: nothing was used up. */
  | { state: "failed"; error: KeyturnError }
  | { state: ClosedLink };

/**
 * Takes a key from whoever holds the link, in the name of the person it was made for. The link is used up by an accepted key,
 * loses an attempt by a refused one, and is as before when the trouble was ours. The very key that was accepted is
 * "already accepted" again (P2): a reply may get lost; any other use of a used link is an alert.
 * @param visitor who signed in, where signing in is configured; null: not asked for
 * @throws NOT_AN_APPROVER when the link was made for somebody else, REDIS_UNAVAILABLE: then nothing was consumed
 */
export async function submitByLink(
  deps: Deps,
  token: string,
  pasted: string,
  options: SubmitOptions,
  visitor: Actor | null = null,
): Promise<LinkSubmission> {
  if (!isLinkToken(token)) return { state: "unknown" };
  const hash = linkHashOf(token);
  const now = deps.clock.now();
  if (visitor !== null) {
    const seen = await deps.links.look(hash, now);
    if (seen.state !== "unknown") await requirePerson(deps, seen.link, visitor);
  }
  const taken = await deps.links.begin(hash, now, now + TAKEN_MS);
  if (taken.state === "unknown") return { state: "unknown" };
  if (taken.state !== "open") return closed(deps, taken, pasted);
  return withTaken(deps, hash, taken.link, pasted, options);
}

async function withTaken(
  deps: Deps,
  hash: string,
  link: IntakeLink,
  pasted: string,
  options: SubmitOptions,
): Promise<LinkSubmission> {
  const { name, via, identities } = link.person;
  let r: Rotation | null = null;
  let outcome: "used" | "refused" | "released" = "released";
  try {
    r = await deps.rotations.load(link.rotation);
    if (r === null || (r.state !== "awaiting_replacement" && !isItsKey(r, pasted))) return { state: "not_waiting" };
    const done = await submit(deps, link.rotation, pasted, { name, via, identities }, options);
    outcome = "used";
    return { state: "accepted", ...done };
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code !== "KEY_REFUSED") return { state: "failed", error };
    outcome = "refused";
    const attemptsLeft = link.attemptsLeft - 1;
    if (attemptsLeft <= 0)
      deps.log.warn(
        { event: "intake.link_exhausted", ...aboutId(link.rotation, r), actor: name },
        "a one-time link ended after too many refused keys",
      );
    return { state: "refused", error, attemptsLeft };
  } finally {
    // If this fails, the link is free again when its time is over; the rotation itself no longer takes a second key.
    await deps.links.end(hash, outcome).catch(() => {
      deps.log.warn(
        { event: "intake.link_not_ended", ...aboutId(link.rotation, r) },
        "a one-time link could not be ended",
      );
    });
  }
}

/** Whether the text is the replacement that the rotation already has. */
function isItsKey(r: Rotation, pasted: string): boolean {
  const read = readPaste(pasted);
  return read.ok && r.replacement?.fingerprint === fingerprintOf(read.text);
}

async function closed(
  deps: Deps,
  found: Exclude<LinkState, { state: "open" | "unknown" }>,
  pasted: string,
): Promise<LinkSubmission> {
  const { state, link } = found;
  if (state !== "used") return { state };
  const r = await deps.rotations.load(link.rotation);
  if (r !== null && isItsKey(r, pasted)) return { state: "accepted", rotation: r, warnings: [], alreadyAccepted: true };
  // Whoever has a used link may have read somebody's messages: an alert, not a slip (facts: security.md section 5).
  deps.log.warn(
    { event: "intake.link_reused", ...aboutId(link.rotation, r), for: link.person.name },
    "a used one-time link was used again",
  );
  await deps.audit.append([
    {
      at: deps.clock.now(),
      rotation: link.rotation,
      target: r?.target ?? null,
      action: "intake.link_reused",
      actor: "unknown",
      via: link.person.via,
      evidence: { for: link.person.name },
    },
  ]);
  return { state };
}
