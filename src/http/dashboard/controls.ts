import type { SignedIn } from "../sign-in/session.ts";
import { ACTIONS, type Situation, hasApproved, subjectOf } from "./actions.ts";
import { type Html, html } from "./html.ts";
import { csrf } from "./page.ts";

/** What the signed-in person may do here, as forms; for somebody who may not decide, who may. */
export function controls(s: Situation, who: SignedIn, mayDecide: boolean, handOver: boolean): Html | null {
  if (!mayDecide)
    return s.r.endedAt === null
      ? html`<p class="quiet">
          You can look, but not decide: ${s.by.actor.name} is not among the approvers of the configuration.
        </p>`
      : null;
  const { r } = s;
  const offered = (name: string): boolean => ACTIONS[name]?.offered(s) === true;
  const form = (action: string, body: Html) =>
    offered(action) && html`<form method="post" action="${pathOf(r.id)}/${action}">${csrf(who)}${body}</form>`;
  const first = [
    handOver &&
      r.state === "awaiting_replacement" &&
      html`<form method="post" action="${pathOf(r.id)}/hand-over">
        ${csrf(who)}<button>Hand over the key</button>
      </form>`,
    form("approve", html`<input type="hidden" name="shown" value="${r.planHash}" /><button>Approve this plan</button>`),
    form(
      "retry",
      html`<button>
        ${r.endedAt === null ? (r.state === "reinstated" ? "Go on with the replacement" : "Look again now") : "Allow a new proposal"}
      </button>`,
    ),
    form("reinstate", html`<button>Make ${r.outgoing.name} active again</button>`),
    form("proceed", reasoned("Go on", "Why it is safe to go on", true)),
    form("snooze", snoozeFields()),
    form("reject", reasoned("Reject", "Reason", false)),
    form("cancel", reasoned(r.state === "reinstated" ? "Put the old value back" : "Stop", "Reason", false)),
    form("unhold", html`<button class="second">Lift the hold on ${subjectOf(r)}</button>`),
    form("hold", html`<button class="second">Hold: deactivate nothing</button>`),
    offered("revoke") &&
      html`<p><a class="danger" href="${pathOf(r.id)}/revoke">Revoke the key as compromised…</a></p>`,
  ].filter((each) => each !== false);
  const elsewhere =
    !handOver &&
    r.state === "awaiting_replacement" &&
    html`<p>
      Hand the key over with <code>keyturn submit ${r.id}</code>: without <code>http.publicUrl</code> there is no page
      for it.
    </p>`;
  const note =
    hasApproved(s) &&
    r.state === "awaiting_approval" &&
    html`<p class="quiet">Your approval is counted; another person has to give the next.</p>`;
  if (first.length === 0 && note === false && elsewhere === false) return null;
  return html`<section class="actions" aria-labelledby="actions">
    <h2 id="actions">What you can do</h2>
    ${note}${elsewhere}${first}
  </section>`;
}

export const pathOf = (rotationId: string): string => `/rotations/${encodeURIComponent(rotationId)}`;

function reasoned(button: string, label: string, required: boolean): Html {
  const id = `reason-${button.toLowerCase().replaceAll(" ", "-")}`;
  return html`<label for="${id}">${label}${!required && html` <span class="quiet">(optional)</span>`}</label>
    <span class="line"
      ><input id="${id}" name="reason" maxlength="500" autocomplete="off" ${required && html`required`} />
      <button class="second">${button}</button></span
    >`;
}

const DAYS = [1, 3, 7, 14, 30];

const snoozeFields = (): Html =>
  html`<label for="days">Snooze for</label>
    <span class="line"
      ><select id="days" name="days">
        ${DAYS.map((days) => html`<option value="${days}">${days} day${days !== 1 && "s"}</option>`)}
      </select>
      <button class="second">Snooze</button></span
    >`;

/** The commands of an attention's next step, by the button here that does the same. */
const BUTTONS: readonly (readonly [RegExp, string, (r: Situation["r"]) => string])[] = [
  [/keyturn approve \S+?(?=[;,]|$)/g, "approve", () => "“Approve this plan”"],
  [/keyturn retry \S+?(?=[;,]|$)/g, "retry", () => "“Look again now”"],
  [/keyturn cancel \S+?(?=[;,]|$)/g, "cancel", () => "“Stop”"],
  [/keyturn proceed \S+ --reason …/g, "proceed", () => "“Go on”"],
  [/keyturn reinstate \S+?(?=[;,]|$)/g, "reinstate", (r) => `“Make ${r.outgoing.name} active again”`],
  [/keyturn unhold \S+/g, "unhold", (r) => `“Lift the hold on ${subjectOf(r)}”`],
];

/** A next step for somebody at this page: commands that have a button here are named by it, others stay commands. */
export function adviceFor(s: Situation, mayDecide: boolean): (next: string) => string {
  if (!mayDecide) return (next) => next;
  return (next) =>
    BUTTONS.filter(([, action]) => ACTIONS[action]?.offered(s) === true)
      .reduce((text, [command, , button]) => text.replaceAll(command, button(s.r)), next)
      .replace(`keyturn show ${s.r.id}`, "read this page");
}
