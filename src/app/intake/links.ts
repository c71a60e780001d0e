import type { IntakeLink } from "../../ports/intake-links.ts";
import { type Actor, identitiesOf } from "../../ports/settings.ts";
import { aboutId } from "../../rotation/about.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Instant } from "../../rotation/record.ts";
import type { Deps } from "../deps.ts";
import { lacksFourEyes, tooFewEyes } from "../four-eyes.ts";
import { linkHashOf, newLinkToken } from "./link-token.ts";

/** A link works for so long (milliseconds). */
export const LINK_MS = 15 * 60_000;
/** Refused pastes that one link allows. */
export const LINK_ATTEMPTS = 5;

/**
 * Makes a one-time link for handing the replacement key over; the rotation's earlier link ends. Only the hash of its token
 * is kept, and neither is on record: who was given a link is.
 * @param person who may use it
 * @param issuedBy audit name of who asked for it
 * @returns the address, to be shown to that person alone and kept nowhere; `expiresAt` in milliseconds
 * @throws NOT_FOUND, WRONG_STATE when no key is awaited, NOT_AN_APPROVER when four eyes forbid this person, CONFIG_INVALID
 *   without an address that keys may travel to, or when the person could not sign in as themselves
 */
export async function issueLink(
  deps: Deps,
  rotationId: string,
  person: IntakeLink["person"],
  issuedBy: string,
  via: Actor["via"] = person.via,
): Promise<{ url: string; expiresAt: Instant }> {
  const address = publicAddress(deps);
  const r = await deps.rotations.load(rotationId);
  if (r === null) throw new KeyturnError("NOT_FOUND", `No rotation ${rotationId}.`);
  if (r.state !== "awaiting_replacement")
    throw new KeyturnError("WRONG_STATE", `Rotation ${r.id} is in ${r.state}; a key is taken in awaiting_replacement.`);
  if (lacksFourEyes(deps.settings, r, [person.identities])) {
    throw tooFewEyes("whoever hands the key over");
  }
  assertCanSignIn(deps, r.id, person);
  const token = newLinkToken();
  const issuedAt = deps.clock.now();
  const expiresAt = issuedAt + LINK_MS;
  await deps.audit.append([
    {
      at: issuedAt,
      rotation: r.id,
      target: r.target,
      action: "intake.link_issued",
      actor: issuedBy,
      via,
      evidence: { for: person.name, expiresAt: new Date(expiresAt).toISOString() },
    },
  ]);
  await deps.links.issue(linkHashOf(token), {
    rotation: r.id,
    person,
    issuedBy,
    issuedAt,
    expiresAt,
    attemptsLeft: LINK_ATTEMPTS,
  });
  return { url: `${address}/intake#${token}`, expiresAt };
}

/** Where a signed-in person hands a key over without a link. */
const pageOf = (deps: Pick<Deps, "settings">, id: string): string =>
  `“Hand over the key” on ${deps.settings.publicUrl ?? ""}/rotations/${encodeURIComponent(id)}`;

/** A link for somebody whom the page could never recognize is of no use. @throws CONFIG_INVALID */
function assertCanSignIn(deps: Deps, id: string, person: IntakeLink["person"]): void {
  if (deps.settings.linksNeedSignIn !== true || person.via !== "slack" || hasAddress(person)) return;
  throw new KeyturnError(
    "CONFIG_INVALID",
    "(Slack gives no e-mail address of this person, so after signing in the page of a one-time link could not tell that it is them)",
    {
      reason: "no_address",
      next: `Sign in on the dashboard and use ${pageOf(deps, id)}. With the scope users:read.email links work too.`,
    },
  );
}

const hasAddress = (person: { identities?: readonly string[] }): boolean =>
  (person.identities ?? []).some((identity) => identity.startsWith("mail:"));

/** @throws CONFIG_INVALID when there is none, or when a key would travel over it unencrypted */
function publicAddress({ settings }: Pick<Deps, "settings">): string {
  const address = settings.publicUrl;
  if (address === null) {
    throw new KeyturnError("CONFIG_INVALID", "(http.publicUrl is not set, so a link would lead nowhere)", {
      next: "Set http.publicUrl, or hand the key over with `keyturn submit`.",
    });
  }
  const { protocol, hostname } = new URL(address);
  const isHere = hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  if (protocol !== "https:" && !isHere) {
    throw new KeyturnError("CONFIG_INVALID", "(http.publicUrl is not https: a key would travel unencrypted)", {
      next: "Set http.publicUrl to an https address, or hand the key over with `keyturn submit`.",
    });
  }
  return address;
}

/** Somebody else than a link was made for, or somebody who cannot be told from anybody else. */
export class WrongPerson extends KeyturnError {
  readonly rotation: string;

  constructor(rotation: string, canTell: boolean, next: string) {
    const say = canTell
      ? "This link was made for somebody else."
      : "This link was made for somebody else, or nobody can tell: Slack or the sign-in gives Keyturn no e-mail address.";
    super("NOT_AN_APPROVER", say, { reason: canTell ? "wrong_person" : "no_address", next });
    this.rotation = rotation;
  }
}

/**
 * Whether somebody who signed in is the person a link was made for: one shared identity is enough. Somebody else is on
 * record; the link stays as it was. @throws NOT_AN_APPROVER
 */
export async function requirePerson(deps: Deps, link: IntakeLink, actor: Actor): Promise<void> {
  const mine = identitiesOf(actor);
  if ([link.person.name, ...link.person.identities].some((identity) => mine.includes(identity))) return;
  const r = await deps.rotations.load(link.rotation);
  deps.log.warn(
    { event: "intake.wrong_person", ...aboutId(link.rotation, r), actor: actor.name, expected: link.person.name },
    "a one-time link was opened by somebody else",
  );
  await deps.audit.append([
    {
      at: deps.clock.now(),
      rotation: link.rotation,
      target: r?.target ?? null,
      action: "intake.wrong_person",
      actor: actor.name,
      via: actor.via,
      evidence: { expected: link.person.name },
    },
  ]);
  const canTell = hasAddress(link.person) && hasAddress(actor);
  throw new WrongPerson(link.rotation, canTell, `Sign in on the dashboard and use ${pageOf(deps, link.rotation)}.`);
}
