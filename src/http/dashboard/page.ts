import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Word } from "../../ports/sessions.ts";
import { pageHeaders } from "../headers.ts";
import type { Answer, Route } from "../server.ts";
import type { SignedIn } from "../sign-in/session.ts";
import { type Html, html } from "./html.ts";

const CSS = readFileSync(join(import.meta.dirname, "page.css"), "utf8");
const CSS_VERSION = createHash("sha256").update(CSS).digest("hex").slice(0, 16);

/** What every page shows around its content. */
export interface Frame {
  title: string;
  /** Name of the installation. */
  install: string;
  /** null: nobody is signed in. */
  who: SignedIn | null;
  word?: Word | null;
  /** Which of the two main pages this is. */
  here?: "overview" | "rotations";
  /** Path to go on to at once. */
  goOn?: string;
}

export function pageOf(frame: Frame, body: Html): Html {
  const { title, install, who, word, here, goOn } = frame;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} · Keyturn</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="stylesheet" href="/dashboard.css?v=${CSS_VERSION}" />
        <link rel="icon" type="image/svg+xml" href="/dashboard.svg" />
        ${goOn !== undefined && html`<meta http-equiv="refresh" content="0; url=${goOn}" />`}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <p class="brand">
            <strong>Keyturn</strong>${install !== "keyturn" && html` <span class="quiet">${install}</span>`}
          </p>
          ${who !== null && navigation(who, here)}
        </header>
        <main id="content" tabindex="-1">
          ${word != null && html`<p class="word ${word.ok ? "good" : "bad"}" role="${word.ok ? "status" : "alert"}">${word.text}</p>`}
          ${body}
        </main>
      </body>
    </html>`;
}

const navigation = (who: SignedIn, here: Frame["here"]): Html =>
  html`<nav aria-label="Main">
      <a href="/" ${here === "overview" && html`aria-current="page"`}>Overview</a>
      <a href="/rotations?all=1" ${here === "rotations" && html`aria-current="page"`}>History</a>
    </nav>
    <form class="who" method="post" action="/sign-out">
      ${csrf(who)}<span class="quiet">${nameOf(who)}</span> <button class="plain">Sign out</button>
    </form>`;

export const csrf = (who: SignedIn): Html => html`<input type="hidden" name="csrf" value="${who.csrf}" />`;

/** A person's address is more to people than the issuer's number for them. */
export function nameOf({ actor }: SignedIn): string {
  const mail = actor.identities?.find((identity) => identity.startsWith("mail:"));
  return mail === undefined ? actor.name : mail.slice("mail:".length);
}

/** Makes answers of pages. */
export interface Pages {
  /** @param headers replace the page's own */
  show(status: number, frame: Omit<Frame, "install">, body: Html, headers?: Record<string, string>): Answer;
  /** A page with one sentence and where to go from there. */
  tell(status: number, title: string, text: string, who?: SignedIn | null, link?: { to: string; text: string }): Answer;
  /** To a path of ours, with GET. */
  go(path: string, headers?: Record<string, string>): Answer;
}

export function pagesOf(install: string, publicUrl: string | null): Pages {
  const base = pageHeaders({ publicUrl, script: false, forms: true });
  const headers = {
    ...base,
    // Our own icon.
    "content-security-policy": `${base["content-security-policy"]}; img-src 'self'`,
    // With no-referrer browsers send `Origin: null` with forms, and nothing could be checked; others still get nothing.
    "referrer-policy": "same-origin",
    "content-type": "text/html; charset=utf-8",
  };
  const show: Pages["show"] = (status, frame, body, more = {}) => ({
    status,
    body: pageOf({ ...frame, install }, body).text,
    headers: { ...headers, ...more },
  });
  return {
    show,
    tell: (status, title, text, who = null, link = { to: "/", text: "Go to the overview" }) =>
      show(
        status,
        { title, who },
        html`<h1>${title}</h1>
          <p>${text}</p>
          <p><a href="${link.to}">${link.text}</a></p>`,
      ),
    go: (path, more = {}) => ({ status: 303, body: "", headers: { ...headers, location: path, ...more } }),
  };
}

/** A key in a circle. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#0b5c8a"/><g fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round"><circle cx="11.5" cy="16" r="3.8"/><path d="M15.5 16H25v4M21 16v3"/></g></svg>`;

/** The style sheet, whose address changes with its content, and the icon. */
export function fileRoutes(publicUrl: string | null): Route[] {
  const file = (path: string, type: string, body: string): Route => ({
    method: "GET",
    path,
    handle: () =>
      Promise.resolve({
        status: 200,
        body,
        headers: {
          ...pageHeaders({ publicUrl, script: false }),
          "content-type": type,
          "cache-control": "public, max-age=31536000, immutable",
        },
      }),
  });
  return [file("/dashboard.css", "text/css; charset=utf-8", CSS), file("/dashboard.svg", "image/svg+xml", ICON)];
}
