import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { writeConfig } from "../../src/demo/configuration.ts";
import { makeFolder } from "../../src/demo/folder.ts";
import { guide } from "../../src/demo/manual-guide.ts";
import { statusOf } from "../../src/demo/manual-status.ts";
import { choosePort } from "../../src/demo/port.ts";
import { openScreen } from "../../src/demo/screen.ts";
import { STATES, type State } from "../../src/rotation/states.ts";
import { makeAdminKey } from "../support/keys.ts";
import { NOON, aRotation } from "../support/records.ts";

const seen = { ok: 41, failed: 1, switchedAt: null, firstKeyLastUsedAt: null };

describe("the demo for a person", () => {
  it.each([
    { state: "awaiting_approval", says: "waiting for your approval" },
    { state: "awaiting_replacement", says: "waiting for the new key: open your private message in the chat" },
    { state: "verifying", says: "verifying" },
    { state: "grace_period", says: "then it is archived" },
    { state: "completed", says: "archived; the application made 42 calls, 1 failed" },
    { state: "rejected", says: "Again: /keyturn rotate app" },
  ] as const)("says what `$state` means for them", ({ state, says }) => {
    expect(statusOf(aRotation({ state, attention: null }), seen, NOON)).toContain(says);
  });

  it("has words for every state", () => {
    for (const state of Object.keys(STATES) as State[])
      expect(statusOf(aRotation({ state, attention: null }), seen, NOON), state).not.toMatch(/_/);
    expect(statusOf(null, seen, NOON)).toBe("waiting for the first scan");
  });

  it("says what needs attention, and the next step", () => {
    const attention = { code: "clock", message: "Two clocks differ.", next: "correct it", since: NOON } as const;
    const record = aRotation({ state: "draining", attention: { ...attention, detail: null } as never });
    expect(statusOf(record, seen, NOON)).toBe("needs attention: Two clocks differ. Next: correct it");
  });

  it("names every address and the commands for those without a browser", () => {
    const at = { chat: "http://c", console: "http://k/console", dashboard: "http://d", signInToken: "t0ken" };
    const text = guide(at, { keyturn: "keyturn", configFile: "/a b/keyturn.yaml" }).copy.join("\n");
    for (const each of ["http://c/", "http://k/console", "http://d/", "t0ken"]) expect(text).toContain(each);
    expect(text).toContain("keyturn approve app --config '/a b/keyturn.yaml'");
  });

  it("has a configuration that the real loader takes: Slack, the dashboard and the command line", () => {
    const base = mkdtempSync(join(tmpdir(), "kt manual "));
    onTestFinished(() => rmSync(base, { recursive: true, force: true }));
    const folder = makeFolder(join(base, "demo"));
    writeConfig(folder, { baseUrl: "http://127.0.0.1:4711", google: "127.0.0.1:4712" }, makeAdminKey("demo"), {
      slack: {
        apiUrl: "http://127.0.0.1:4713/api/",
        botToken: "a token",
        signingSecret: "a secret",
        channel: "C0KEYS",
        teamId: "T0SANDBOX",
        appId: "A0KEYTURN",
      },
      group: "S0APPROVERS",
      signInToken: "x".repeat(32),
      port: 4714,
    });
    const { settings, config } = loadConfig({ path: folder.configFile });
    expect(settings.publicUrl).toBe("http://127.0.0.1:4714");
    expect(settings.approvers).toMatchObject({ cli: ["*"], slack: { groups: ["S0APPROVERS"] } });
    expect(config.slack?.apiUrl).toBe("http://127.0.0.1:4713/api/");
    expect(config.signIn.token).toBe(`file:${folder.signInFile}`);
  });

  it("takes the usual port, and another one when somebody has it", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const other = await choosePort(port);
    expect(other).not.toBe(port);
    expect(other).toBeGreaterThan(0);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await choosePort(port)).toBe(port);
  });
});

describe("the screen", () => {
  const open = (columns: number | null) => {
    let text = "";
    return { screen: openScreen({ write: (part) => (text += part) }, () => columns), text: () => text };
  };

  it("on a terminal keeps the status below everything that is said", () => {
    const { screen, text } = open(80);
    screen.status("waiting");
    screen.line("something happened");
    screen.end();
    expect(text()).toBe("\r\u001b[2K> waiting\r\u001b[2Ksomething happened\n\r\u001b[2K> waiting\n");
  });

  it("never lets the status break into a second line, which could not be cleared", () => {
    const { screen, text } = open(20);
    screen.status("x".repeat(50));
    expect(text().replace("\r\u001b[2K", "")).toHaveLength(19);
  });

  it("elsewhere says a status when it is another, not when it only counts on", () => {
    const { screen, text } = open(null);
    for (const status of ["waiting (1 calls)", "waiting (2 calls)", "done"]) screen.status(status);
    expect(text()).toBe("> waiting (1 calls)\n> done\n");
  });
});
