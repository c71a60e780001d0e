import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessibilityProblems, launchBrowser, overflowsSideways, takePictures } from "./browser.ts";
import { type ManualDemo, startManualDemo } from "./manual-demo.ts";

/*
 * One whole rotation as a person does it: Chromium, a real `serve`, Redis, the simulated organization and chat. The steps
 * build on each other.
 */

const KEY = /sk-ant-api03-[\w-]{93}AA/;
/** Draining may wait for the end of a usage minute. */
const ENDS_WITHIN_MS = 150_000;

let dir: string;
let demo: ManualDemo;
let browser: Browser;
let person: BrowserContext;
let page: Page;
let link = "";
/** Requests to anything but this machine, and errors that pages logged. */
const elsewhere: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "kt-browser-"));
  [browser, demo] = await Promise.all([launchBrowser(), startManualDemo(join(dir, "demo"))]);
  person = await browser.newContext();
  person.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") elsewhere.push(request.url());
  });
  person.on("console", (message) => {
    // A refusal that the page itself shows is also logged by the browser.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  page = await person.newPage();
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Pictures for people, and what axe-core and a narrow screen say. */
async function lookAt(name: string, on: Page = page): Promise<void> {
  await takePictures(on, name);
  expect(await accessibilityProblems(on), name).toEqual([]);
  expect(await overflowsSideways(on), `${name} is wider than a small phone`).toEqual([]);
  await on.setViewportSize({ width: 1100, height: 800 });
  await on.emulateMedia({ colorScheme: "light" });
}

const chatAs = (user: string, conversation: string) =>
  page.goto(`${demo.chat.replace(/\/$/, "")}/?as=${user}&in=${conversation}`);

describe("a whole rotation in a browser", () => {
  it("the dashboard lets in whoever has the token, and shows what is due", async () => {
    await page.goto(demo.dashboard);
    await lookAt("sign-in");
    await page.getByLabel(/token/i).fill("x".repeat(40));
    await page.keyboard.press("Enter");
    await expect.poll(() => page.getByRole("alert").count()).toBe(1);
    await lookAt("sign-in-refused");
    await page.getByLabel(/token/i).fill(demo.signInToken);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "1 rotation needs a person" }).waitFor();
    await lookAt("overview-due");
    await page.getByRole("link", { name: "app", exact: true }).first().click();
    await page.getByRole("button", { name: "Approve this plan" }).waitFor();
    await lookAt("rotation-awaiting-approval");
    await page.goto(`${demo.dashboard.replace(/\/$/, "")}/rotations/rot_nothing`);
    await lookAt("not-found");
  });

  it("P10: an outsider's click is answered and changes nothing; the approver's is confirmed and counts", async () => {
    await chatAs("U0OLGA", "C0KEYS");
    await lookAt("chat-card");
    await page.getByRole("button", { name: "Approve" }).first().click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Approve" }).click();
    await page.getByText("Only you can see this").first().waitFor();
    await expect
      .poll(() => page.locator("body").innerText())
      .toMatch(/not (one of the|an|among the) approver|may not/i);
    await chatAs("U0ANA", "C0KEYS");
    await page.getByRole("button", { name: "Approve" }).first().click();
    await lookAt("chat-confirm");
    await page.getByRole("alertdialog").getByRole("button", { name: "Approve" }).click();
    await page.getByText("waiting for the replacement key").first().waitFor();
    await lookAt("chat-approved");
  });

  it("the private message leads to the page; a key made in the Console shows there; it is pasted without a mouse", async () => {
    await chatAs("U0ANA", "D0ANA");
    link = (await page.locator('a[href*="/intake#"]').first().getAttribute("href")) ?? "";
    await lookAt("chat-private");
    const intake = await person.newPage();
    await intake.goto(link);
    await intake.getByRole("heading", { name: "A new key for app" }).waitFor();
    await lookAt("intake", intake);

    // What is no key is refused in words, and the link still works.
    await intake.getByLabel("The new key").fill("not a key at all");
    await intake.keyboard.press("Enter");
    await intake.getByRole("alert").waitFor();
    await lookAt("intake-refused", intake);

    const name = await intake.locator("#name").innerText();
    await page.goto(demo.console);
    await page.getByLabel(/name/i).fill(name);
    await page.keyboard.press("Enter");
    await page.getByText(`${name} was created`).waitFor();
    const key = KEY.exec(await page.locator("#key").innerText())?.[0] ?? "";
    expect(key).toMatch(KEY);
    await expect.poll(() => intake.locator("#appeared").innerText(), { timeout: 30_000 }).toContain(name);
    await lookAt("intake-key-appeared", intake);

    await intake.bringToFront();
    await intake.locator("#key").fill("");
    await intake.locator("#key").focus();
    await intake.keyboard.insertText(key);
    await intake.keyboard.press("Enter");
    await intake.getByRole("heading", { name: "The key was accepted" }).waitFor({ timeout: 30_000 });
    expect(new URL(intake.url()).hash).toBe("");
    expect(await intake.content()).not.toContain(key);
    expect(await intake.locator("#key").inputValue()).toBe("");
    await lookAt("intake-accepted", intake);

    await intake.close();
  });

  it("the private message no longer offers the link, and whoever opens it again is told why", async () => {
    await expect
      .poll(() => chatAs("U0ANA", "D0ANA").then(() => page.locator('a[href*="/intake#"]').count()), { timeout: 20_000 })
      .toBe(0);
    await page.goto(link);
    await page.locator("#closed-say").waitFor();
    await lookAt("intake-used");
  });

  it(
    "the replacement key becomes current, the old one goes, and no application's call failed",
    { timeout: 2 * ENDS_WITHIN_MS },
    async () => {
      await page.goto(demo.dashboard);
      await lookAt("overview-under-way");
      await expect
        .poll(() => demo.printed(), { timeout: ENDS_WITHIN_MS, interval: 500 })
        .toMatch(/archived; the application made \d+ calls, 0 failed/);
      await page.goto(`${demo.dashboard.replace(/\/$/, "")}/rotations?all=1`);
      await lookAt("history");
      await page.getByRole("link", { name: "app", exact: true }).first().click();
      await lookAt("rotation-done");
      await chatAs("U0ANA", "C0KEYS");
      await expect.poll(() => page.locator("body").innerText(), { timeout: 20_000 }).toContain("app: done");
      await lookAt("chat-done");
      expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    },
  );

  it("no page asked anything of another machine, or complained", () => {
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("P3: no key stands in what the demo printed", () => {
    expect(demo.printed()).not.toMatch(KEY);
  });
});
