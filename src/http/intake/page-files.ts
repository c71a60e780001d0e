import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The page and its two files, as they are sent: the same bytes for everyone. */
export interface PageFiles {
  html: string;
  css: string;
  js: string;
  /** Imported by `js`; the page preloads it, with its digest. */
  view: string;
}

/** Read once, at the start. Each file is named in the page with its digest, so that nothing else runs in its place. */
export function readPageFiles(): PageFiles {
  const files = { css: read("page.css"), js: read("intake.mjs"), view: read("intake-view.mjs") };
  let html = read("page.html");
  for (const [name, text] of Object.entries(files)) html = html.replace(`{{${name}}}`, integrityOf(text));
  return { html, ...files };
}

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const integrityOf = (text: string): string => `sha384-${createHash("sha384").update(text).digest("base64")}`;

/** The page for an address with a query; nothing of the address is on it. */
export const plainPage = (title: string, text: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><link rel="stylesheet" href="intake.css"></head>
<body><header><span class="brand">Keyturn</span></header>
<main><section class="panel"><h1>${title}</h1><p>${text}</p></section></main></body></html>\n`;
