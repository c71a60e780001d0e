import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readPageFiles } from "../../../src/http/intake/page-files.ts";
import { openIntake } from "../../../src/intake-way-in.ts";
import { drives } from "../../support/drives.ts";
import { PUBLIC_URL, linkFor, visit } from "./kit.ts";

const files = readPageFiles();
const scripts = `${files.js}\n${files.view}`;
const digest = (text: string) => `sha384-${createHash("sha384").update(text).digest("base64")}`;

describe("the page's files", () => {
  it.each([
    ["intake.css", files.css],
    ["intake.mjs", files.js],
    ["intake-view.mjs", files.view],
  ])("%s is named with the digest of its bytes", (name, text) => {
    expect(files.html).toMatch(
      new RegExp(`"${name.replace(".", "\\.")}" integrity="${digest(text).replace(/[+/]/g, "\\$&")}"`),
    );
  });

  it("nothing is inline, nothing comes from elsewhere, no placeholder is left", () => {
    expect(files.html).not.toMatch(/<style|<script(?![^>]* src=)|\sstyle=|\son[a-z]+=|javascript:|\{\{/i);
    for (const text of Object.values(files)) expect(text).not.toMatch(/https?:|\/\/[a-z]|url\(|@import|data:/);
  });

  it("scripts make no HTML of text, keep nothing, and ask nobody else", () => {
    expect(scripts).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(|localStorage|sessionStorage|indexedDB|cookie|console\./,
    );
    expect(scripts.match(/fetch\(/g)).toHaveLength(1);
    expect(scripts.match(/location\.(search|href|replace|assign)/g)).toBeNull();
  });

  it("every element that a script names is on the page, once", () => {
    const named = [...scripts.matchAll(/(?:\$|show|say|linkTo)\("([a-z-]+)"/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(40);
    for (const id of new Set(named)) expect([id, files.html.split(`id="${id}"`).length - 1]).toEqual([id, 1]);
  });

  it("the field keeps browsers, spell checkers and password managers off", () => {
    const field = /<input\s+id="key"[^>]*>/.exec(files.html)?.[0] ?? "";
    for (const attribute of [
      'type="text"',
      'autocomplete="off"',
      'autocapitalize="off"',
      'spellcheck="false"',
      "data-1p-ignore",
      'data-lpignore="true"',
      "data-bwignore",
    ])
      expect(field).toContain(attribute);
    // Without a name, no form can carry it.
    expect(field).not.toContain(" name=");
    expect(files.css).toMatch(/\.masked[^{]*\{\s*-webkit-text-security: disc/);
  });

  it("without JavaScript it names the command", () => {
    expect(/<noscript>[^]*<\/noscript>/.exec(files.html)?.[0]).toContain("keyturn submit");
  });
});

describe("the page as `serve` offers it", () => {
  const start = drives();

  it("there is none without an address for links", async () => {
    const d = await start();
    expect(openIntake(await d.lab.app(), null)).toEqual([]);
  });

  it("a simulated organization has its Console beside it, and a dashboard is linked when there is one", async () => {
    const token = "env:KEYTURN_TEST_SIGN_IN_TOKEN";
    const d = await start({ config: { http: { publicUrl: PUBLIC_URL }, signIn: { token } } });
    const app = await d.lab.app();
    const { id } = await d.to("awaiting_replacement");
    const paths = openIntake(app, null).map((route) => `${route.method} ${route.path}`);
    expect(paths.toSorted()).toEqual([
      "GET /intake",
      "GET /intake-view.mjs",
      "GET /intake.css",
      "GET /intake.mjs",
      "POST /intake",
      "POST /intake/look",
    ]);
    const linked = await visit(d.deps, { routes: openIntake({ ...app, deps: d.deps }, null) });
    try {
      const secret = await linkFor(d.deps, id);
      expect((await linked.look(secret)).says["consoleUrl"]).toBe(`${d.lab.sandbox.url}/console`);
      const done = await linked.hand(secret, (await d.make()).secret);
      expect(done.says["rotationPath"]).toBe(`/rotations/${id}`);
    } finally {
      await linked.close();
    }
  });
});
