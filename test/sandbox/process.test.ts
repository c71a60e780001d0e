import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { appendFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { sandboxClient } from "../../src/sandbox/client.ts";
import type { LoggedRequest } from "../../src/sandbox/request-log.ts";
import { startSandbox } from "../../src/sandbox/start.ts";

const MAIN = fileURLToPath(new URL("../../src/sandbox/main.ts", import.meta.url));

interface Ready {
  event: string;
  url: string;
  adminKey: string;
  organization: { id: string };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "sandbox-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The sandbox as a process of its own, ended with the test. */
async function launch(
  state: string,
): Promise<{ child: ChildProcess; ready: Ready; end(signal: NodeJS.Signals): Promise<number | null> }> {
  const child = spawn(process.execPath, [MAIN, "--state", state, "--quiet"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const [line] = await new Promise<string[]>((resolve) => lines.once("line", (text) => resolve([text])));
  const end = (signal: NodeJS.Signals) => (child.kill(signal), ended);
  return { child, ready: JSON.parse(line ?? "") as Ready, end };
}

describe("the sandbox as a process", () => {
  it("says where it listens, and after SIGKILL and a restart knows everything it ever answered", async () => {
    const state = await folder();
    const first = await launch(state);
    expect(first.ready.event).toBe("sandbox.ready");
    expect(first.ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const person = sandboxClient(first.ready.url);
    const { key, secret } = await person.createKey({ name: "survivor" });
    await person.settings({ usageLagMs: 7 });
    await person.use({ keyId: key.id, times: 3 });
    await person.disableKey(key.id);
    await first.end("SIGKILL");

    const second = await launch(state);
    expect(second.ready).toMatchObject({ adminKey: first.ready.adminKey, organization: first.ready.organization });
    const again = sandboxClient(second.ready.url);
    expect(await again.history(key.id)).toMatchObject({ key: { name: "survivor", status: "inactive" } });
    expect(await again.state()).toMatchObject({ keys: 1, settings: { usageLagMs: 7 }, requests: 3 });
    await again.enableKey(key.id);
    const headers = { "x-api-key": secret, "anthropic-version": "2023-06-01" };
    expect((await fetch(`${second.ready.url}/v1/models`, { headers })).status).toBe(200);
    expect(await second.end("SIGTERM")).toBe(0);
  });

  it("a torn last line of the journal is cut off; all before it is kept", async () => {
    const state = await folder();
    const first = await startSandbox({ state });
    const { key } = await sandboxClient(first.url).seedKey({ name: "whole" });
    await first.close();
    await appendFile(join(state, "journal.jsonl"), '[{"t":"key.status","id":"apik');
    for (let restart = 0; restart < 2; restart += 1) {
      const sandbox = await startSandbox({ state });
      const person = sandboxClient(sandbox.url);
      expect((await person.history(key.id)).key.status).toBe(restart === 0 ? "active" : "inactive");
      if (restart === 0) await person.disableKey(key.id);
      await sandbox.close();
    }
  });
});

describe("what is on disk", () => {
  it("is one line per request, readable without the sandbox, and no key text anywhere but the first Admin key's file", async () => {
    const state = await folder();
    const sandbox = await startSandbox({ state });
    const person = sandboxClient(sandbox.url);
    const { key, secret } = await person.createKey({ name: "billing" });
    const headers = { "x-api-key": secret, "anthropic-version": "2026-10-21" };
    await fetch(`${sandbox.url}/v1/models?api_key=${secret}`, { headers });
    await fetch(`${sandbox.url}/v1/models/${secret}`, { headers });
    const admin = { "x-api-key": sandbox.adminKey, "anthropic-version": "2026-10-21" };
    const body = JSON.stringify({ status: "inactive", name: secret });
    await fetch(`${sandbox.url}/v1/organizations/api_keys/${key.id}`, {
      method: "POST",
      headers: admin,
      body: JSON.stringify({ status: "inactive" }),
    });
    await fetch(`${sandbox.url}/v1/organizations/api_keys/apikey_none`, { method: "POST", headers: admin, body });
    await sandbox.close();

    const lines = (await readFile(join(state, "requests.jsonl"), "utf8")).trim().split("\n");
    const log = lines.map((line) => JSON.parse(line) as LoggedRequest);
    expect(log).toMatchObject([
      { seq: 1, method: "GET", path: "/v1/models", keyId: key.id, credential: "key", status: 200 },
      { seq: 2, status: 404 },
      { seq: 3, method: "POST", bodyStatus: "inactive", credential: "admin", status: 200, applied: true },
      { seq: 4, method: "POST", bodyStatus: "inactive", status: 404, applied: false },
    ]);
    for (const file of await readdir(state)) {
      const text = await readFile(join(state, file), "utf8");
      expect(text).not.toContain(secret.slice(16, 60));
      if (file !== "admin-key") expect(text).not.toContain(sandbox.adminKey.slice(20, 60));
    }
  });

  it("numbers go on after a restart, also behind a torn line", async () => {
    const state = await folder();
    for (const seq of [1, 2]) {
      const sandbox = await startSandbox({ state });
      await fetch(`${sandbox.url}/v1/models`);
      expect((await sandboxClient(sandbox.url).requests()).map((line) => line.seq)).toEqual([seq]);
      await sandbox.close();
      await appendFile(join(state, "requests.jsonl"), '{"seq":2,"at');
    }
  });
});
