import type { LoginAnswer } from "../../ports/issuer.ts";
import { type Html, html } from "../dashboard/html.ts";

export interface Offer {
  oidc: boolean;
  token: boolean;
}

/** How to sign in, and why the last try did not succeed. */
export function signInPage(offer: Offer, to: string, trouble: string | null): Html {
  return html`<div class="narrow">
    <h1>Sign in</h1>
    ${trouble !== null && html`<p class="word bad" role="alert" id="trouble">${trouble}</p>`}
    ${offer.oidc && html`<p><a class="button" href="/auth/start?to=${encodeURIComponent(to)}">Sign in with your organization</a></p>`}
    ${offer.oidc && offer.token && html`<p class="quiet">or</p>`}
    ${offer.token && tokenForm(to, trouble !== null, offer.oidc)}
  </div>`;
}

const tokenForm = (to: string, again: boolean, second: boolean): Html =>
  html`<form method="post" action="/sign-in" class="stack">
    <input type="hidden" name="to" value="${to}" />
    <label for="token">Sign-in token</label>
    <input
      id="token"
      name="token"
      type="password"
      required
      autocomplete="current-password"
      spellcheck="false"
      autocapitalize="off"
      aria-describedby="token-help${again && " trouble"}"
      ${again && html`aria-invalid="true"`}
    />
    <p class="quiet" id="token-help">The one that <code>signIn.token</code> in the configuration refers to.</p>
    <button class="${second ? "second" : "first"}">Sign in</button>
  </form>`;

/** Where the browser stops between the issuer and us: from here on it counts as coming from our own site. */
export const landingPage = (to: string): Html =>
  html`<div class="narrow">
    <h1>Signed in</h1>
    <p><a href="${to}">Continue</a></p>
  </div>`;

const WHY: Record<Extract<LoginAnswer, { ok: false }>["why"], { status: number; text: string }> = {
  denied: { status: 403, text: "Your organization's sign-in did not let you in, so you are not signed in." },
  invalid: {
    status: 403,
    text: "The answer of your organization's sign-in does not belong to this sign-in, so you are not signed in. Try once more; if it happens again, tell whoever runs Keyturn: its log has the reason.",
  },
  unreachable: {
    status: 502,
    text: "Your organization's sign-in does not answer, so you are not signed in. Try again in a minute.",
  },
};

export function refusedLogin({ why, code }: Extract<LoginAnswer, { ok: false }>): { status: number; text: string } {
  const { status, text } = WHY[why];
  return { status, text: code === null ? text : `${text} (${code})` };
}

export const STALE_LOGIN =
  "This sign-in is no longer valid: it took longer than ten minutes, was completed already, or was begun in another browser. You are not signed in; begin again.";
