import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { makeFolder } from "../../src/demo/folder.ts";
import { runManual } from "../../src/demo/manual.ts";
import { Processes } from "../../src/demo/processes.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const KEY = /sk-ant-api03-[\w-]{93}AA/;
/** Draining may wait for the end of a minute; a busy machine for itself. */
const WHOLE_MS = 240_000;

interface Demo {
  child: ChildProcess;
  out: { stdout: string; stderr: string };
  ended: Promise<number | null>;
}

function folder(): string {
  const base = mkdtempSync(join(tmpdir(), "kt-manual-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  return join(base, "demo");
}

function start(args: readonly string[]): Demo {
  const child = spawn(process.execPath, [MAIN, "demo", "--manual", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (out.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (out.stderr += bytes.toString()));
  return { child, out, ended: once(child, "close").then(([code]) => code as number | null) };
}

async function until<T>(what: string, demo: Demo, look: () => Promise<T | null>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end && demo.child.exitCode === null; await pause(100)) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error(`there is no ${what}:\n${demo.out.stdout}${demo.out.stderr}`);
}

const show = async (url: string): Promise<string> => (await fetch(url)).text();
const unescaped = (text: string): string =>
  text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

/** The hidden fields of the form around the first button with this label. */
function formOf(page: string, label: string): URLSearchParams | null {
  const forms = [...page.matchAll(/<form[^>]*action="\/click"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, inside]) => inside ?? "",
  );
  const form = forms.find((inside) => new RegExp(`<button[^>]*>\\s*${label}\\s*<`).test(inside));
  if (form === undefined) return null;
  const inputs = [...form.matchAll(/name="([^"]*)"\s+value="([^"]*)"/g)];
  return new URLSearchParams(inputs.map(([, name, value]) => [name ?? "", unescaped(value ?? "")]));
}

/** Clicks as the page does: a button, and the yes that it may ask for. */
async function clickOn(chat: string, page: string, label: string): Promise<string> {
  const fields = formOf(page, label);
  if (fields === null) throw new Error(`there is no button ${label}`);
  const next = await (await fetch(`${chat}/click`, { method: "POST", body: fields })).text();
  const asked = next.includes('role="alertdialog"') ? formOf(next.slice(next.indexOf("alertdialog")), label) : null;
  return asked === null ? next : (await fetch(`${chat}/click`, { method: "POST", body: asked })).text();
}

it("lets a person do the whole loop by its addresses alone", { timeout: WHOLE_MS }, async () => {
  const demo = start(["--exit-when-done", "--json", "--dir", folder()]);
  const address = (name: string) =>
    until(name, demo, () =>
      Promise.resolve(new RegExp(`${name} +(http://127\\.0\\.0\\.1:\\d+\\S*)`).exec(demo.out.stderr)?.[1] ?? null),
    );
  const [chat, console_, dashboard] = [await address("Chat"), await address("Console"), await address("Dashboard")];
  const token = await until("token", demo, () =>
    Promise.resolve(/Sign in with: (\S+)/.exec(demo.out.stderr)?.[1] ?? null),
  );
  const at = chat.replace(/\/$/, "");

  // The dashboard lets in whoever has the token.
  const origin = dashboard.replace(/\/$/, "");
  const signIn = (text: string) =>
    fetch(`${origin}/sign-in`, {
      method: "POST",
      headers: { origin, "sec-fetch-site": "same-origin" },
      body: new URLSearchParams({ token: text }),
      redirect: "manual",
    });
  expect((await signIn("x".repeat(32))).status).toBe(401);
  const signedIn = await signIn(token);
  expect(signedIn.status).toBe(303);
  const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  await until("key on the dashboard", demo, async () => {
    const page = await (await fetch(dashboard, { headers: { cookie } })).text();
    return page.includes("app-key") ? page : null;
  });

  // The status looks four times a second: whoever is quicker than that is not told what they are already past.
  const told = (status: string) =>
    until("status", demo, () => Promise.resolve(demo.out.stderr.includes(`> ${status}`) || null));
  await told("waiting for your approval");

  // Olga may not approve and is told so; Ana may.
  const withCard = (as: string) =>
    until("card", demo, async () => {
      const page = await show(`${at}/?as=${as}&in=C0KEYS`);
      return formOf(page, "Approve") === null ? null : page;
    });
  await clickOn(at, await withCard("U0OLGA"), "Approve");
  const refusal = await until("refusal", demo, async () => {
    const page = await show(`${at}/?as=U0OLGA&in=C0KEYS`);
    return page.includes("Only you can see this") ? page : null;
  });
  expect(refusal).toMatch(/not (one of the|an) approver|may not|not allowed/i);
  await clickOn(at, await withCard("U0ANA"), "Approve");
  await told("waiting for the new key");

  // Her private message has the link; the Console has the key.
  const link = await until("one-time link", demo, async () => {
    const page = await show(`${at}/?as=U0ANA&in=D0ANA`);
    return unescaped(/href="([^"]+\/intake#[^"]+)"/.exec(page)?.[1] ?? "") || null;
  });
  expect(await show(`${at}/?as=U0BEN&in=D0ANA`)).not.toContain("/intake#");
  const [page, linkToken] = link.split("#");
  expect((await fetch(page ?? "")).status).toBe(200);
  const created = await fetch(`${console_}/keys`, {
    method: "POST",
    body: new URLSearchParams({ name: "app-key-new" }),
  });
  const key = KEY.exec(await created.text())?.[0] ?? "";
  const handed = await fetch(page ?? "", {
    method: "POST",
    headers: { origin, "sec-fetch-site": "same-origin", "content-type": "application/octet-stream" },
    body: `${JSON.stringify({ token: linkToken })}\n${key}`,
  });
  expect([handed.status, await handed.json()]).toMatchObject([200, { ok: true }]);

  expect(await demo.ended).toBe(0);
  const document = JSON.parse(demo.out.stdout) as { ok: boolean; checks: { ok: boolean }[] };
  expect(document.checks.filter((check) => !check.ok)).toEqual([]);
  expect(document.checks).toHaveLength(8);
  expect(document).toMatchObject({ ok: true, state: "completed", error: null, application: { failed: 0 } });
  for (const said of ["waiting for your approval", "waiting for the new key", "archived; the application made"])
    expect(demo.out.stderr).toContain(`> ${said}`);
  expect(demo.out.stderr).toMatch(/archived; the application made \d+ calls, 0 failed/);
  expect(demo.out.stderr + demo.out.stdout).not.toMatch(KEY);
  for (const gone of [at, origin, console_]) await expect(fetch(gone)).rejects.toThrow("fetch failed");
});

it(
  "takes other ports when somebody has the usual ones, and ends by itself, saying so",
  { timeout: 60_000 },
  async () => {
    const [other, processes] = [createServer(), new Processes()];
    // Somebody has it: we, or whoever makes this fail.
    await new Promise<void>((resolve) => {
      other.once("error", () => resolve());
      other.listen(7801, "127.0.0.1", resolve);
    });
    onTestFinished(() => void other.close());
    const said: string[] = [];
    const report = await runManual({
      folder: makeFolder(folder()),
      processes,
      signal: new AbortController().signal,
      say: (line) => said.push([line.label, line.text, ...(line.copy ?? [])].join(" ")),
      status: () => undefined,
      keyturn: "keyturn",
      exitWhenDone: false,
      limitMs: 12_000,
    });
    expect(report).toMatchObject({ interrupted: false, error: null });
    expect(said.join("\n")).toMatch(/Chat +http:\/\/127\.0\.0\.1:(?!7801)\d+/);
    expect(said.at(-1)).toBe("the end the demo ends by itself after 12 s");
  },
);
