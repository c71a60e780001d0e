import { requireRoom, showKey } from "./api-keys.ts";
import type { World } from "./api.ts";
import type { Route } from "./console.ts";
import { CreateKey } from "./inputs.ts";
import { makeKey } from "./key-factory.ts";
import { ApiRefusal } from "./wire.ts";
import type { Reply } from "./wire.ts";

/**
 * `/console`: the Console for a person with a browser, as small as the demo needs it: the keys, and a form that makes
 * one. The text of a new key is on the answering page once and never again.
 */
export const CONSOLE_PAGE: readonly (readonly [string, RegExp, Route])[] = [
  ["GET", /^\/console\/?$/, (_call, world) => page(200, world, "")],
  ["POST", /^\/console\/keys$/, createKey],
];

function createKey(call: Parameters<Route>[0], world: World): Reply {
  const { organization, source } = world;
  const given = CreateKey.pick({ name: true }).safeParse(call.body);
  if (!given.success) return page(400, world, `<p class="bad">A key needs a name.</p>`);
  try {
    const { row, secret } = makeKey(given.data, organization, source);
    requireRoom(row.workspaceId, organization);
    organization.commit([{ t: "key", row }]);
    return page(200, world, shown(row.name, secret));
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    return page(error.status, world, `<p class="bad">${escaped(error.message)}</p>`);
  }
}

const shown = (name: string, secret: string): string => `<section><h2>${escaped(name)}</h2>
<p>Copy this key now. It is shown once; <strong>nobody can show it again</strong>.</p>
<p><code class="key">${escaped(secret)}</code></p></section>`;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}
section{border:2px solid #2a7;padding:0 1rem;margin:1rem 0}.key{overflow-wrap:anywhere;user-select:all}.bad{color:#b30}
:root{color-scheme:light dark}`;

function page(status: number, { organization }: World, notice: string): Reply {
  const rows = organization.keys
    .map((row) => showKey(row, organization, "2026-10-21"))
    .toReversed()
    .map((key) => {
      const cells = [key.name, key.partial_key_hint ?? "–", key.status, key.created_at.slice(0, 10), key.id];
      return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
    });
  const headings = ["Name", "Key", "Status", "Created", "Id"].map((name) => `<th scope="col">${name}</th>`).join("");
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API keys (simulated)</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>API keys</h1><p>Organization ${escaped(organization.self.name)}, simulated: these keys work nowhere else.</p>
${notice}
<form method="post" action="/console/keys"><label>Name <input name="name" required maxlength="500" value="app-key-2"></label>
<button>Create key</button></form>
<table><thead><tr>${headings}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table></body></html>\n`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    // A page with a key on it stays in no cache, and nothing but its own form and style is of any use to it.
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body };
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
