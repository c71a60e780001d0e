import type { Evidence } from "../../app/evidence-of.ts";
import type { TargetLine } from "../../app/overview.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Destination, Instant, Rotation } from "../../rotation/record.ts";
import { isPromoted } from "../../rotation/transition.ts";
import type { SignedIn } from "../sign-in/session.ts";
import { pathOf } from "./controls.ts";
import { type Html, html } from "./html.ts";
import { endedRow } from "./overview-page.ts";
import { csrf } from "./page.ts";
import { facts } from "./rotation-page.ts";
import { ageBar, standing, targetPath } from "./targets.ts";
import { absolute, dated } from "./time.ts";

/** Every rotation that Redis still has, a page at a time. */
export function listPage(given: { rotations: readonly Rotation[]; page: number; more: boolean; now: Instant }): Html {
  const { rotations, page, more, now } = given;
  const body =
    rotations.length === 0
      ? html`<p class="empty">
          ${page === 0 ? "There was no rotation yet. A scan proposes the first one when a key is due." : "There are no more."}
        </p>`
      : html`<ul class="rows">
          ${rotations.map((r) => endedRow(r, now))}
        </ul>`;
  return html`<h1>All rotations</h1>
    ${body}
    <nav class="pager" aria-label="Pages">
      ${page > 0 && html`<a rel="prev" href="/rotations?all=1&amp;page=${page - 1}">Newer</a>`}
      ${more && html`<a rel="next" href="/rotations?all=1&amp;page=${page + 1}">Older</a>`}
    </nav>`;
}

/** One target: its key, where it is read, and what can be done in an emergency. */
export function targetPage(given: {
  line: TargetLine;
  destinations: readonly Destination[];
  rotations: readonly Rotation[];
  who: SignedIn;
  mayDecide: boolean;
  now: Instant;
}): Html {
  const { line: t, rotations, who, mayDecide, now } = given;
  const form = (action: string, label: string) =>
    html`<form method="post" action="${targetPath(t.name)}/${action}">
      ${csrf(who)}<button class="second">${label}</button>
    </form>`;
  return html`<p class="crumbs"><a href="/">Overview</a></p>
    <h1>${t.name}</h1>
    <section aria-labelledby="facts">
      <h2 id="facts">Its key</h2>
      ${facts([
        [
          "Key",
          html`${t.keyName ?? "not known yet"} ${t.hint !== null && html`<code>${t.hint}</code>`}
            <span class="quiet">${t.keyId}</span>`,
        ],
        ["Age", ageBar(t)],
        ["Standing", standing(t, now)],
        ...(t.expiresAt === null ? [] : [["Expires", dated(t.expiresAt, now)] as const]),
        [
          "Read from",
          html`<ul class="plain">
            ${given.destinations.map((d) => html`<li><code>${describeDestination(d)}</code></li>`)}
          </ul>`,
        ],
        ["Hold", t.held ? "held: nothing is deactivated or archived" : "none"],
      ])}
    </section>
    ${
      mayDecide &&
      html`<section class="actions" aria-labelledby="actions">
        <h2 id="actions">What you can do</h2>
        ${t.held ? form("unhold", "Lift the hold") : form("hold", "Hold: deactivate nothing")}
        ${t.rotation === null && form("rotate", "Propose a rotation now")}
        <p><a class="danger" href="${targetPath(t.name)}/revoke">Revoke the key as compromised…</a></p>
      </section>`
    }
    <section aria-labelledby="rotations">
      <h2 id="rotations">Its rotations</h2>
      ${
        rotations.length === 0
          ? html`<p class="empty">None yet.</p>`
          : html`<ul class="rows">
              ${rotations.slice(0, 20).map((r) => endedRow(r, now))}
            </ul>`
      }
    </section>`;
}

/** Asked before a key is revoked: it is the one thing here that breaks applications at once. */
export function revokePage(given: {
  what: { path: string; name: string; key: string; targets: readonly string[]; rotation: Rotation | null };
  who: SignedIn;
}): Html {
  const { path, name, key, targets, rotation } = given.what;
  const replaced = rotation !== null && isPromoted(rotation);
  const impact = replaced
    ? `Applications read the replacement already; whatever still uses ${key} fails at once.`
    : `Applications of ${targets.join(", ")} fail from that moment until a replacement key is handed over.`;
  return html`<p class="crumbs"><a href="${path}">${name}</a></p>
    <h1>Revoke ${key}?</h1>
    <div class="attention">
      <p><strong>${key} is deactivated now.</strong> ${impact}</p>
      <p>
        Do this when the key has leaked. To replace a key that is only old, let its rotation go its way: nothing fails
        then.
      </p>
      <p>Until the key is archived, “Make active again” on the rotation’s page undoes it.</p>
    </div>
    <form method="post" action="${path}/revoke" class="line">
      ${csrf(given.who)}<button class="danger">Revoke it now</button> <a href="${path}">Do not revoke</a>
    </form>`;
}

export function evidencePage(r: Rotation, { entries, total }: Evidence): Html {
  return html`<p class="crumbs"><a href="${pathOf(r.id)}">${r.target ?? r.outgoing.name}</a></p>
    <h1>Evidence</h1>
    <p class="lead">
      ${
        total === 0
          ? "The audit file has no entry about this rotation."
          : `${total > entries.length ? `The newest ${entries.length} of ${total}` : `All ${total}`} entries of the audit file about rotation ${r.id}. “keyturn audit verify” checks the chain.`
      }
    </p>
    <ol class="timeline">
      ${entries.toReversed().map(
        (e) =>
          html`<li>
            <span><strong>${e.action}</strong> by ${e.actor} via ${e.via}</span>
            <span class="quiet">${absolute(e.at)} · entry ${e.seq} · <code>${e.hash.slice(0, 12)}</code></span>
            ${Object.keys(e.evidence).length > 0 && html`<code class="evidence">${JSON.stringify(e.evidence)}</code>`}
          </li>`,
      )}
    </ol>`;
}
