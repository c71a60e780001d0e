import type { Overview } from "../../app/overview.ts";
import { PROBLEMS } from "../../rotation/codes.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import { pathOf } from "./controls.ts";
import { type Html, type Value, html } from "./html.ts";
import { badge } from "./rotation-page.ts";
import { standing, targetPath, targetRow } from "./targets.ts";
import { dated, lasting, time } from "./time.ts";
import { needsPerson, toneOf, waitsFor } from "./words.ts";

export interface Health {
  /** Of the schedule; null: never. */
  nextScan: Instant | null;
  /** The last time the schedule should have fired. */
  previousScan: Instant | null;
  /** Who scans then: this `serve` and its like, or a CronJob. */
  scanner: "embedded" | "cronjob";
  /** How long Redis took to answer, in milliseconds. */
  redisMs: number;
}

const FEW_TARGETS = 200;
/** A scan that is this late is said to be late (milliseconds). */
const LATE_MS = 10 * 60_000;

/** The whole installation on one page. @param all whether to show every target that is kept */
export function overviewPage(o: Overview, health: Health, all: boolean): Html {
  const waiting = o.open.filter((r) => needsPerson(r)).length;
  return html`<h1>${headline(waiting, o.open.length, o.problems.total)}</h1>
    ${healthLine(o, health)} ${openSection(o)} ${targetsSection(o, all)} ${upcomingSection(o)} ${problemsSection(o)}
    ${unmanagedSection(o)} ${endedSection(o)}`;
}

function headline(waiting: number, open: number, problems: number): string {
  if (waiting > 0) return `${waiting} rotation${waiting === 1 ? " needs" : "s need"} a person`;
  if (problems > 0) return `${problems} problem${problems === 1 ? "" : "s"} to look at`;
  return open > 0 ? `${open} rotation${open === 1 ? "" : "s"} under way` : "Nothing to do";
}

function healthLine(
  { lastScan, auditHead, now }: Overview,
  { nextScan, previousScan, scanner, redisMs }: Health,
): Html {
  const late = previousScan !== null && now - previousScan > LATE_MS && (lastScan ?? 0) < previousScan;
  const item = (name: string, value: Value, bad = false) =>
    html`<div class="${bad ? "bad" : ""}">
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>`;
  return html`<dl class="health" aria-label="Health">
    ${item("Last scan", lastScan === null ? "none yet" : html`${time(lastScan, now)}${late && " (late)"}`, late)}
    ${item("Next scan", nextScan === null ? "never" : html`${time(nextScan, now)}${scanner === "cronjob" && " (by a CronJob)"}`)}
    ${item("Redis", `answers in ${redisMs} ms`)}
    ${item("Audit log", auditHead === null ? "empty" : html`entry ${auditHead.seq} <code>${auditHead.hash.slice(0, 12)}</code>`)}
  </dl>`;
}

const section = (id: string, title: string, body: Value): Html =>
  html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${body}
  </section>`;

function openSection({ open, now }: Overview): Html {
  const body =
    open.length === 0
      ? html`<p class="empty">
          No rotation is open. A scan proposes one when a key is due; you can do so now on a target’s page.
        </p>`
      : html`<ul class="rows">
          ${open.map((r) => openRow(r, now))}
        </ul>`;
  return section("open", "Open rotations", body);
}

function openRow(r: Rotation, now: Instant): Html {
  const waits = waitsFor(r);
  return html`<li class="row open ${toneOf(r)}">
    <div>
      <a href="${pathOf(r.id)}"><strong>${r.target ?? r.outgoing.name}</strong></a> ${badge(r)}
      ${r.attention !== null && html`<p>${r.attention.message}</p>`}
    </div>
    <div>${waits !== null && html`waits for ${waits}, since ${time(r.enteredAt, now)}`}</div>
    <div>${ends(r, now)}</div>
  </li>`;
}

function ends(r: Rotation, now: Instant): Html | null {
  if (r.deadline !== null) return html`ends by itself ${time(r.deadline, now)}`;
  if (r.state === "grace_period" && r.graceEndsAt !== null && r.target !== null)
    return html`archived ${time(r.graceEndsAt, now)}`;
  return null;
}

function targetsSection({ targets, now }: Overview, all: boolean): Html {
  const shown = all ? targets.shown : targets.shown.slice(0, FEW_TARGETS);
  if (shown.length === 0)
    return section(
      "targets",
      "Targets",
      html`<p class="empty">
        No target is configured. Add one under <code>targets:</code> in the configuration: its name, and where its key
        is stored.
      </p>`,
    );
  const left = targets.total - shown.length;
  return section(
    "targets",
    "Targets",
    html`<ul class="rows">
        ${shown.map((t) => targetRow(t, now))}
      </ul>
      ${left > 0 && html`<p class="quiet">${left} more${!all && html`: <a href="/?all=1">show all that are kept</a>`}</p>`}`,
  );
}

function upcomingSection({ upcoming, now }: Overview): Html | null {
  if (upcoming.length === 0) return null;
  return section(
    "upcoming",
    "Due within 30 days",
    html`<ul class="rows">
      ${upcoming.slice(0, 20).map(
        (t) =>
          html`<li class="row two">
            <a href="${targetPath(t.name)}">${t.name}</a>
            <span>${t.dueAt !== null && t.dueAt > now ? dated(t.dueAt, now) : standing(t, now)}</span>
          </li>`,
      )}
    </ul>`,
  );
}

function problemsSection({ problems }: Overview): Html | null {
  if (problems.total === 0) return null;
  return section(
    "problems",
    "Problems the last scan found",
    html`<ul class="rows">
        ${problems.shown.map(
          (p) =>
            html`<li class="row two bad">
              <div>${p.target === null ? "Organization" : html`<a href="${targetPath(p.target)}">${p.target}</a>`}</div>
              <div>
                <strong>${sentence(p.code)}</strong>
                <div class="quiet">${p.message}</div>
              </div>
            </li>`,
        )}
      </ul>
      ${problems.total > problems.shown.length && html`<p class="quiet">${problems.total - problems.shown.length} more: keyturn scan --dry-run lists them.</p>`}`,
  );
}

const sentence = (code: string): string => {
  const text = code in PROBLEMS ? PROBLEMS[code as keyof typeof PROBLEMS] : code;
  return text.charAt(0).toUpperCase() + text.slice(1);
};

function unmanagedSection({ unmanaged }: Overview): Html | null {
  if (unmanaged.total === 0) return null;
  return section(
    "unmanaged",
    "Keys nobody manages",
    html`<p class="quiet">
        Active keys of the organization that no target holds. Name a target for each, or archive it in the Console.
      </p>
      <details ${unmanaged.total <= 10 && html`open`}>
        <summary>
          ${unmanaged.total}
          key${unmanaged.total !== 1 && "s"}${unmanaged.total > unmanaged.shown.length && `, the ${unmanaged.shown.length} oldest shown`}
        </summary>
        <ul class="rows">
          ${unmanaged.shown.map(
            (k) =>
              html`<li class="row two">
                <div>${k.name} <code class="quiet">${k.keyId}</code></div>
                <div>${lasting(k.ageDays * 86_400_000 || 1000)} old</div>
              </li>`,
          )}
        </ul>
      </details>`,
  );
}

function endedSection({ ended, now }: Overview): Html | null {
  if (ended.length === 0) return null;
  return section(
    "ended",
    "Ended lately",
    html`<ul class="rows">
        ${ended.map((r) => endedRow(r, now))}
      </ul>
      <p><a href="/rotations?all=1">All rotations</a></p>`,
  );
}

export const endedRow = (r: Rotation, now: Instant): Html =>
  html`<li class="row two">
    <div><a href="${pathOf(r.id)}">${r.target ?? r.outgoing.name}</a> ${badge(r)}</div>
    <div class="quiet">
      ${r.endedAt === null ? html`open since ${time(r.createdAt, now)}` : html`ended ${time(r.endedAt, now)}`}
    </div>
  </li>`;
