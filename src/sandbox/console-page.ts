import { createHash } from "node:crypto";
import { requireRoom, showKey } from "./api-keys.ts";
import type { World } from "./api.ts";
import type { Route } from "./console.ts";
import { Html, html } from "./html.ts";
import { CreateKey } from "./inputs.ts";
import { makeKey } from "./key-factory.ts";
import { ApiRefusal } from "./wire.ts";
import type { Reply } from "./wire.ts";

/**
 * `/console`: the Console for a person with a browser, as small as the demo needs it: the keys, and a form that makes
 * one. The text of a new key is on the answering page once and never again.
 */
export const CONSOLE_PAGE: readonly (readonly [string, RegExp, Route])[] = [
  ["GET", /^\/console\/?$/, (_call, world) => page(200, world, null)],
  ["POST", /^\/console\/keys$/, createKey],
];

function createKey(call: Parameters<Route>[0], world: World): Reply {
  const { organization, source } = world;
  const given = CreateKey.pick({ name: true }).safeParse(call.body);
  if (!given.success) return page(400, world, refusal("A key needs a name."));
  try {
    const { row, secret } = makeKey(given.data, organization, source);
    requireRoom(row.workspaceId, organization);
    organization.commit([{ t: "key", row }]);
    return page(200, world, shown(row.name, secret));
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    return page(error.status, world, refusal(error.message));
  }
}

const refusal = (text: string): Html => html`<p class="bad" role="alert">${text}</p>`;

const shown = (name: string, secret: string): Html =>
  html`<section aria-labelledby="made">
    <h2 id="made">${name} was created</h2>
    <p>
      Copy this key now and paste it into Keyturn's page, behind your one-time link. It is shown once;
      <strong>nobody can show it again</strong>.
    </p>
    <p><code class="key" id="key">${secret}</code></p>
    <p><button type="button" id="copy">Copy key</button> <span role="status" id="copied"></span></p>
  </section>`;

const STYLE = `:root{color-scheme:light dark;--line:light-dark(#d5dad7,#3a4046);--soft:light-dark(#5a626a,#a4acb4);
--go:light-dark(#0b6b4f,#3fc294);--on-go:light-dark(#fff,#06231a)}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem 1rem;
background:light-dark(#fbfaf8,#17191c);color:light-dark(#1c2024,#e9ebed)}
h1{margin:0;font-size:1.5rem}h2{font-size:1.15rem;margin:1.5rem 0 .5rem}.soft{color:var(--soft);margin:.25rem 0 1rem}
section{border:2px solid var(--go);border-radius:8px;padding:.5rem 1rem;margin:1rem 0}section h2{margin-top:.25rem}
.key{display:block;overflow-wrap:anywhere;user-select:all;font:1rem/1.5 ui-monospace,monospace;padding:.5rem;border-radius:6px;
background:light-dark(#0000000d,#ffffff14)}
.bad{color:light-dark(#a32618,#ff9184);font-weight:600}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}label{display:grid;gap:.25rem;flex:1 1 18rem;font-weight:600}
input,button{font:inherit;font-weight:400;padding:.45rem .8rem;border-radius:6px;border:1px solid light-dark(#8a929a,#6b737b);
background:light-dark(#fff,#22262a);color:inherit}
button{background:var(--go);border-color:var(--go);color:var(--on-go);font-weight:600;cursor:pointer;white-space:nowrap}
:focus-visible{outline:3px solid light-dark(#2b6cd4,#8ab8ff);outline-offset:2px}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;padding:.45rem 1rem .45rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-size:.85rem}td:nth-child(2),td:nth-child(5){font:.9em ui-monospace,monospace}
.gone td{color:var(--soft)}`;

/** The page works without it: the key can be selected and copied by hand. */
const SCRIPT = `const button=document.getElementById("copy");
button?.addEventListener("click",async()=>{const said=document.getElementById("copied");
try{await navigator.clipboard.writeText(document.getElementById("key").textContent);said.textContent="Copied."}
catch{said.textContent="Select it and copy it by hand."}});`;

// Made here, since a formatter would change what the policy has the digest of.
const STYLE_TAG = new Html(`<style>${STYLE}</style>`);
const SCRIPT_TAG = new Html(`<script>${SCRIPT}</script>`);
const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

function page(status: number, { organization }: World, notice: Html | null): Reply {
  const rows = organization.keys
    .map((row) => showKey(row, organization, "2026-10-21"))
    .toReversed()
    .map((key) => {
      const cells = [key.name, key.partial_key_hint ?? "–", key.status, key.created_at.slice(0, 10), key.id];
      return html`<tr${new Html(key.status === "active" ? "" : ' class="gone"')}>${cells.map(
        (cell) => html`<td>${cell}</td>`,
      )}</tr>`;
    });
  const headings = ["Name", "Key", "Status", "Created", "Id"].map((name) => html`<th scope="col">${name}</th>`);
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>API keys (simulated Console)</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        ${STYLE_TAG}
      </head>
      <body>
        <main>
          <h1>API keys</h1>
          <p class="soft">A simulated Console, organization ${organization.self.name}: these keys work nowhere else.</p>
          ${notice}
          <h2>${notice instanceof Html && status === 200 ? "Create another key" : "Create a key"}</h2>
          <form method="post" action="/console/keys">
            <label
              >Name
              <input
                name="name"
                required
                maxlength="500"
                autocomplete="off"
                spellcheck="false"
                placeholder="the name that Keyturn's page suggests"
            /></label>
            <button>Create key</button>
          </form>
          <h2>Keys, newest first</h2>
          <div class="table" role="region" aria-label="Keys" tabindex="0">
            <table>
              <thead>
                <tr>
                  ${headings}
                </tr>
              </thead>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>
        </main>
        ${SCRIPT_TAG}
      </body>
    </html> `.text;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    // A page with a key on it stays in no cache, and nothing but its own form, style and script is of any use to it.
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body };
}
