import { describe, expect, it } from "vitest";
import type { DemoReport } from "../../src/demo/demo.ts";
import { overview } from "../../src/demo/scan-overview.ts";
import { summary } from "../../src/demo/summary.ts";

const DIR = "/tmp/some demo";
const FILES = [
  "envFile",
  "youngEnvFile",
  "configFile",
  "adminKeyFile",
  "auditFile",
  "serveLog",
  "sandboxLog",
  "googleLog",
  "demoLog",
  "sandbox",
  "redis",
] as const;
const folder = { dir: DIR, ...Object.fromEntries(FILES.map((name) => [name, `${DIR}/${name}`])) } as Parameters<
  typeof summary
>[0]["folder"];
const whole: DemoReport = {
  ok: true,
  interrupted: false,
  rotation: "rot_1",
  state: "completed",
  outgoingKey: { id: "apikey_1", name: "app-key" },
  replacementKey: { id: "apikey_2", name: "app-key-2" },
  redis: "server",
  sandboxUrl: "http://127.0.0.1:4711",
  application: null,
  checks: [{ name: "live", ok: true, text: "it answers" }],
  error: null,
};
const said = (report: Partial<DemoReport>, manual = false) =>
  summary({ report: { ...whole, ...report }, folder, seconds: 42, manual, keyturn: "keyturn", sandbox: "sandbox" });

describe("what the demo says at the end", () => {
  it("is the result, what proves it, the files and commands that can be pasted", () => {
    const text = said({});
    expect(text).toContain('app-key went from "91 days old" to "archived" in 42 s.');
    expect(text).toContain("ok      it answers");
    expect(text).toContain("keyturn audit verify --config '/tmp/some demo/configFile'");
    expect(text).toContain("npm run demo -- --manual");
    expect(text).toContain("sandbox --port 4711 --state '/tmp/some demo/sandbox'");
  });

  it("does not suggest --manual to somebody who just did that", () => expect(said({}, true)).not.toContain("--manual"));

  it("does not suggest to look at a rotation that went with its Redis", () => {
    expect(said({ redis: "memory" })).not.toContain("keyturn show");
    expect(said({ redis: "memory" })).toContain("audit verify");
  });

  it("names a failure, the next step and the log", () => {
    const text = said({ ok: false, checks: [], error: { message: "it broke", next: "mend it", log: "/tmp/log" } });
    expect(text).toContain("FAILED: it broke\n  next: mend it\n  log:  /tmp/log");
    expect(text).not.toContain("archived");
  });

  it("does not claim success when a check failed", () => {
    const text = said({ ok: false, checks: [{ name: "live", ok: false, text: "no answer" }] });
    expect(text).toContain("FAILED  no answer");
    expect(text).not.toContain("went from");
  });

  it("is short after Ctrl-C", () =>
    expect(said({ interrupted: true })).toBe(`\nStopped; every process has ended. What there is so far: ${DIR}\n`));
});

describe("the scan in one sentence", () => {
  const scan = (more: object) =>
    JSON.stringify({ targets: [{ name: "app", ageDays: 91, due: true }], unmanaged: [], problems: [], ...more });

  it("says who is due and what nobody manages", () => {
    expect(overview(scan({ unmanaged: [{ name: "old", ageDays: 400 }] }))).toBe(
      "app is due (91 days); nobody manages old, 400 days: reported, never touched. Nothing was changed",
    );
  });

  it.each([
    {
      when: "a problem",
      given: scan({ problems: [{ code: "clock", message: "two clocks" }] }),
      says: /clock: two clocks/,
    },
    { when: "another document", given: "{}", says: /another document/ },
    { when: "no JSON", given: "oops", says: /did not print JSON/ },
  ])("fails on $when", ({ given, says }) => expect(() => overview(given)).toThrow(says));
});
