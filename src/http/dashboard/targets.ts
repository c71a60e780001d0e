import type { TargetLine } from "../../app/overview.ts";
import type { Instant } from "../../rotation/record.ts";
import { pathOf } from "./controls.ts";
import { type Html, html } from "./html.ts";
import { badge } from "./rotation-page.ts";
import { partOf, time } from "./time.ts";

const DAY = 86_400_000;

export const targetPath = (name: string): string => `/targets/${encodeURIComponent(name)}`;

/** The key's age as a bar against its limit; the text beside it says the same. */
export function ageBar({ ageMs, maxAgeMs, name }: Pick<TargetLine, "ageMs" | "maxAgeMs" | "name">): Html {
  if (ageMs === null || maxAgeMs === null || maxAgeMs <= 0) return html`<span class="quiet">age unknown</span>`;
  const text = partOf(ageMs, maxAgeMs);
  const tone = ageMs >= maxAgeMs ? "over" : ageMs >= maxAgeMs * 0.85 ? "soon" : "young";
  const value = Math.min(1000, Math.round((ageMs / maxAgeMs) * 1000));
  return html`<span class="age"
    ><progress class="${tone}" max="1000" value="${value}" aria-label="Age of the key of ${name}">${text}</progress>
    <span>${text}</span></span
  >`;
}

export function targetRow(t: TargetLine, now: Instant): Html {
  return html`<li class="row target">
    <div>
      <a href="${targetPath(t.name)}"><strong>${t.name}</strong></a>
      ${t.held && html`<span class="badge calm">held</span>`}
      <div class="quiet">
        ${t.keyName ?? "key not known yet"}${t.hint !== null && t.hint !== "…" && html` <code>${t.hint}</code>`}
      </div>
    </div>
    <div>${ageBar(t)}</div>
    <div>${standing(t, now)}</div>
  </li>`;
}

/** What is going on, or when it will be. */
export function standing(t: TargetLine, now: Instant): Html {
  if (t.rotation !== null) return html`<a href="${pathOf(t.rotation.id)}">${badge(t.rotation)}</a>`;
  if (t.message === null) return html`<span class="quiet">waits for its first scan</span>`;
  if (t.due || (t.dueAt !== null && t.dueAt <= now))
    return html`<span class="badge warn">due</span> <span class="quiet">${t.message}</span>`;
  if (t.reason === "problem")
    return html`<span class="badge bad">problem</span> <span class="quiet">${t.message}</span>`;
  if (t.dueAt === null) return html`<span class="quiet">${t.message}</span>`;
  return t.dueAt - now < 14 * DAY
    ? html`due ${time(t.dueAt, now)}`
    : html`<span class="quiet">due ${time(t.dueAt, now)}</span>`;
}
