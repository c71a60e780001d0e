import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type Page, chromium } from "playwright-core";

const ROOT = join(import.meta.dirname, "../..");
/** Pictures of every page, for people to look at; not part of the repository. */
const PICTURES = join(ROOT, ".cache/screenshots");
const PATHS = [
  process.env["KEYTURN_CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** @throws when no Chromium is installed: a browser suite is never left out silently */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error("no Chromium found: install it, or name it in KEYTURN_CHROMIUM");
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });
}

/** How people see a page. */
export const VIEWS = [
  { name: "light", viewport: { width: 1100, height: 800 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1100, height: 800 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 390, height: 780 }, colorScheme: "light" },
] as const;

/** A picture of the page in each view; the page is left in the first one. */
export async function takePictures(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  for (const view of VIEWS.toReversed()) {
    await page.emulateMedia({ colorScheme: view.colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(view.viewport);
    await page.screenshot({ path: join(PICTURES, `${name}-${view.name}.png`), fullPage: true });
  }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResult {
  violations: { id: string; help: string; nodes: { html: string }[] }[];
}

/**
 * What axe-core finds wrong, in light, dark and phone width: one line per violation, empty when nothing. The script is
 * put in by the browser itself, so the page's Content-Security-Policy stays as it is.
 */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const problems = new Set<string>();
  for (const view of VIEWS.toReversed()) {
    await page.emulateMedia({ colorScheme: view.colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(view.viewport);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResult> } };
      return axe.run();
    });
    for (const { id, help, nodes } of violations)
      for (const node of nodes) problems.add(`${view.name}: ${id}: ${help}: ${node.html.slice(0, 160)}`);
  }
  return [...problems];
}

/** What sticks out of a narrow phone's screen, so that people would have to scroll sideways; empty when nothing does. */
export async function overflowsSideways(page: Page): Promise<string[]> {
  await page.setViewportSize({ width: 320, height: 700 });
  return page.evaluate<string[]>(WIDE);
}

/** Runs in the page; a text, since this project's types know no browser. */
const WIDE = `(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 0.5)
    .map((each) => each.tagName.toLowerCase() + "." + each.className + ": " + (each.textContent ?? "").trim().slice(0, 40));
})()`;
