import type { LoginChecks } from "./sessions.ts";
import type { Actor } from "./settings.ts";

export type LoginAnswer =
  | { ok: true; actor: Actor }
  /**
   * `denied`: the issuer or the person said no. `invalid`: the answer does not belong to this sign-in, or proves nothing.
   * `unreachable`: the issuer did not answer, so nobody knows. `code` is from a closed list of the protocol, or null.
   */
  | { ok: false; why: "denied" | "invalid" | "unreachable"; code: string | null };

/** An OpenID Connect issuer. Never throws: a sign-in that fails is an answer, and there is no session. */
export interface Issuer {
  /** Where to send the browser; null when the issuer does not answer. */
  begin(): Promise<{ url: string; checks: LoginChecks } | null>;
  /**
   * Redeems what the issuer sent back. Works once: the issuer refuses the same code again.
   * @param query of the address that the issuer sent the browser to, without `?`
   */
  finish(query: string, checks: LoginChecks): Promise<LoginAnswer>;
}
