import { REASONS } from "../../rotation/codes.ts";
import { exceedsLimit, expectedQuietMs, isDrainAhead, isHabitUnknown } from "../../rotation/drain.ts";
import { impactOf } from "../../rotation/impact.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Instant, KeyFacts, Rotation } from "../../rotation/record.ts";
import { pathOf } from "./controls.ts";
import { type Html, type Value, html } from "./html.ts";
import { absolute, dated, lasting, time } from "./time.ts";
import { eventWords, labelOf, summaryOf, toneOf, waitsFor } from "./words.ts";

export interface RotationPage {
  r: Rotation;
  holds: readonly string[];
  now: Instant;
  controls: Html | null;
  /** An attention's next step in the words of this page. */
  advice: (next: string) => string;
}

/** One rotation: what is wrong and what a person can do first, then what, why, where, and how it came here. */
export function rotationPage({ r, holds, now, controls, advice }: RotationPage): Html {
  return html`<p class="crumbs"><a href="/">Overview</a></p>
    <h1>${r.target ?? r.outgoing.name} ${badge(r)}</h1>
    ${r.attention === null && html`<p class="lead">${summaryOf(r)}</p>`} ${attention(r, now, advice)}
    ${r.state === "awaiting_approval" && planOf(r)} ${controls}
    <section aria-labelledby="facts">
      <h2 id="facts">Now</h2>
      ${facts(rows(r, holds, now))}
    </section>
    ${r.state !== "awaiting_approval" && planOf(r)}
    <section aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      ${timeline(r, now)}
      <p><a href="${pathOf(r.id)}/evidence">The audit log’s entries about this rotation</a></p>
    </section>`;
}

export const badge = (r: Rotation): Html => html`<span class="badge ${toneOf(r)}">${labelOf(r)}</span>`;

export const facts = (all: readonly (readonly [string, Value])[]): Html =>
  html`<dl class="facts">
    ${all.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;

/** What happened, what it means for applications, and what to do: in this order, because it is read in a hurry. */
function attention(r: Rotation, now: Instant, advice: RotationPage["advice"]): Html | null {
  if (r.attention === null) return null;
  const { code, message, next, since } = r.attention;
  return html`<section class="attention" aria-labelledby="attention">
    <h2 id="attention">Needs a person</h2>
    ${facts([
      ["What happened", html`${message} <span class="quiet">${time(since, now)}</span>`],
      ["Impact", impactOf(code)],
      ["Next", sentence(advice(next))],
    ])}
  </section>`;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function rows(r: Rotation, holds: readonly string[], now: Instant): (readonly [string, Value])[] {
  const waits = waitsFor(r);
  const found: (readonly [string, Value])[] = [];
  if (waits !== null) found.push(["Waits for", html`${waits}, since ${time(r.enteredAt, now)}`]);
  if (r.deadline !== null) found.push(["Ends by itself", dated(r.deadline, now)]);
  if (r.state === "grace_period" && r.graceEndsAt !== null && r.target !== null)
    found.push(["Archived", dated(r.graceEndsAt, now)]);
  if (r.endedAt !== null) found.push(["Ended", dated(r.endedAt, now)]);
  if (r.notBefore !== null) found.push(["Not proposed before", dated(r.notBefore, now)]);
  if (holds.length > 0)
    found.push([
      "Held by",
      html`<ul class="plain">
        ${holds.map((h) => html`<li>${h}</li>`)}
      </ul>`,
    ]);
  found.push(["Why", sentence(REASONS[r.reason])]);
  if (r.note)
    found.push([
      "Reason given",
      html`${r.note.text} <span class="quiet">${r.note.actor}, ${time(r.note.at, now)}</span>`,
    ]);
  found.push(["Outgoing key", keyWords(r.outgoing, now)]);
  found.push([
    "Replacement key",
    r.replacement === null ? html`<span class="quiet">none yet</span>` : keyWords(r.replacement, now),
  ]);
  if (r.submittedBy !== null) found.push(["Handed over by", r.submittedBy]);
  found.push(["Approvals", approvals(r, now)]);
  return found;
}

const keyWords = (key: KeyFacts, now: Instant): Html =>
  html`<strong>${key.name}</strong>
    ${key.hint !== null && html`<code>${key.hint}</code>`}
    <span class="quiet">${key.id}, ${lasting(Math.max(0, now - key.createdAt))} old</span>`;

function approvals(r: Rotation, now: Instant): Html {
  const need = r.approvalsNeeded;
  return html`${r.approvals.length} of ${need}
  ${
    r.approvals.length > 0 &&
    html`<ul class="plain">
      ${r.approvals.map((a) => html`<li>${a.actor} ${time(a.at, now)}${a.breakGlass && html` <span class="badge bad">glass broken</span>`}</li>`)}
    </ul>`
  }`;
}

function planOf(r: Rotation): Html {
  const { plan, planHash } = r;
  return html`<section aria-labelledby="plan">
    <h2 id="plan">The plan</h2>
    ${facts([
      [
        "Written to",
        plan.destinations.length === 0
          ? "nothing: no target uses this key"
          : html`<ul class="plain">
              ${plan.destinations.map((d) => html`<li><code>${describeDestination(d)}</code></li>`)}
            </ul>`,
      ],
      ...(plan.targets.length > 1 ? [["Shared by", plan.targets.join(", ")] as const] : []),
      ...(plan.requiredName === null
        ? []
        : [["Name of the replacement key", html`<code>${plan.requiredName}</code>`] as const]),
      ["Outgoing key deactivated", drainOf(r)],
      ["Outgoing key archived", `${lasting(plan.gracePeriodMs)} after that`],
      ["Approvals", plan.approvals],
      ["Plan hash", html`<code title="${planHash}">${planHash.slice(0, 16)}</code>`],
    ])}
  </section>`;
}

/** What to expect of the wait for the outgoing key's quiet (R13). */
function drainOf(r: Rotation): Value {
  const { drain } = r.plan;
  const expected = expectedQuietMs(r);
  if (expected === 0) return "without a check of its use";
  const habit = expected !== null && expected > drain.quietForMs ? ", its longest pause in the month before" : "";
  const quiet = `after ${lasting(expected ?? drain.quietForMs)} without use${habit}`;
  const limit = lasting(drain.limitMs);
  if (!isDrainAhead(r.state)) return quiet;
  if (exceedsLimit(drain, expected))
    return html`${quiet}; the limit is ${limit}, so <strong>a person will have to decide</strong>`;
  const unknown = html`<br />How long it pauses is not known, because its usage could not be read: it may take longer.`;
  return html`${quiet}; after ${limit} a person is asked${isHabitUnknown(r, expected) && unknown}`;
}

function timeline(r: Rotation, now: Instant): Html {
  return html`<ol class="timeline">
    ${r.history.toReversed().map((h) => {
      const { text, attention: raised } = eventWords(h.event);
      return html`<li class="${raised ? "bad" : ""}">
        <span>${text}</span>
        <span class="quiet"
          >${time(h.at, now)} · ${absolute(h.at)} · ${h.actor === "keyturn" ? "Keyturn" : h.actor}</span
        >
      </li>`;
    })}
  </ol>`;
}
