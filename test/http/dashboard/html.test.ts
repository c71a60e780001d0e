import { describe, expect, it } from "vitest";
import { type Value, html } from "../../../src/http/dashboard/html.ts";
import { lasting, partOf, relative } from "../../../src/http/dashboard/time.ts";
import { eventWords, labelOf, summaryOf, waitsFor } from "../../../src/http/dashboard/words.ts";
import { STATES, type State, TRANSITIONS } from "../../../src/rotation/states.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { drives } from "../../support/drives.ts";
import { aRotation } from "../../support/records.ts";
import { aSite } from "./support.ts";

const start = drives();
const HOSTILE = `<script>alert(1)</script>"'&\u202Egnp.exe`;

describe("HTML", () => {
  it.each<{ value: Value; text: string }>([
    { value: HOSTILE, text: "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;�gnp.exe" },
    { value: "a\u0000b\u001Bc\u2028d", text: "a�b�c�d" },
    { value: ["<", [">"]], text: "&lt;&gt;" },
    { value: html`<b>${"<"}</b>`, text: "<b>&lt;</b>" },
    { value: 0, text: "0" },
    { value: false, text: "" },
    { value: null, text: "" },
  ])("shows $text", ({ value, text }) => {
    expect(html`${value}`.text).toBe(text);
  });

  it("a name from outside is text on every page that shows it", async () => {
    const d = await start({
      targets: { billing: { key: { name: HOSTILE } }, search: { ageDays: 3, key: { name: `${HOSTILE}2` } } },
    });
    await d.console.seedKey({ name: `${HOSTILE}3`, ageDays: 400 });
    const site = await aSite(d);
    await scan(d.deps, { dryRun: false });
    const visitor = await site.owner();
    const [id = ""] = await d.deps.rotations.openIds();
    const paths = ["/", "/rotations?all=1", `/rotations/${id}`, `/rotations/${id}/revoke`, `/rotations/${id}/evidence`];
    for (const path of [...paths, "/targets/search", "/targets/search/revoke"]) {
      const { text, status } = await visitor.get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toMatch(/<script|\u202E/i);
    }
    expect((await visitor.get(`/targets/search`)).text).toContain("&lt;script&gt;");
    const echoed = await visitor.get(`/targets/${encodeURIComponent(HOSTILE)}`);
    expect([echoed.status, echoed.text.includes("<script")]).toEqual([404, false]);
    await site.close();
  });
});

describe("words", () => {
  it.each(Object.keys(STATES) as State[])("%s has a label and a sentence that ends", (state) => {
    for (const target of ["billing", null]) {
      const r = aRotation({ state, target });
      expect(labelOf(r)).toMatch(/^[A-Z]/);
      expect(summaryOf(r)).toMatch(/\.$/);
      expect(waitsFor(r) === null).toBe(STATES[state] === null);
    }
  });

  it.each([...new Set(TRANSITIONS.map(([, event]) => event)), "opened", "rebuilt", "attention_cleared"])(
    "the event %s is told in words",
    (event) => {
      expect(eventWords(event).text).toMatch(/^[A-Z][^_]*$/);
    },
  );

  it.each([
    [500, "1 second"],
    [89_000, "1 minute"],
    [90_000, "2 minutes"],
    [86_400_000 * 90, "90 days"],
  ])("%s ms last %s", (ms, words) => expect(lasting(ms)).toBe(words));

  it("says how much of what, and when", () => {
    expect(partOf(3 * 86_400_000, 90 * 86_400_000)).toBe("3 of 90 days");
    expect(partOf(86_400_000, 90 * 86_400_000)).toBe("1 of 90 days");
    expect(partOf(8 * 3_600_000, 90 * 86_400_000)).toBe("8 hours of 90 days");
    expect([relative(0, 500), relative(0, 60_000), relative(60_000, 0)]).toEqual([
      "a moment ago",
      "1 minute ago",
      "in 1 minute",
    ]);
  });
});
