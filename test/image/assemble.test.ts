import { execFile } from "node:child_process";
import { globSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { assemble } from "../../scripts/image/assemble.ts";
import { toJavaScript } from "../../scripts/image/compile.ts";
import { filesIn } from "../../scripts/image/files.ts";
import { type Lock, productionPackages } from "../../scripts/sbom.ts";

const ROOT = join(import.meta.dirname, "../..");
const AT = 1_700_000_000;
const dockerfile = readFileSync(join(ROOT, "Dockerfile"), "utf8");
/** As the image sets it. */
const NODE_OPTIONS = /NODE_OPTIONS="([^"]+)"/.exec(dockerfile)?.[1] ?? "";

// Whole programs are started here, also on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** What the build stage makes of this checkout, without a container. */
let app: string;
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), "kt-app-"));
  assemble(ROOT, app, AT);
}, 120_000);
afterAll(() => rmSync(app, { recursive: true, force: true }));

function node(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: app, env: { NODE_OPTIONS, NODE_ENV: "production" } };
    const child = execFile(process.execPath, args, options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
const keyturn = (...args: string[]) => node("src/cli/main.js", ...args);

describe("the folder that becomes /app", () => {
  it("runs, under the settings of the image, and prints nothing beside the answer", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(await keyturn("--version")).toEqual({
      code: 0,
      stdout: `keyturn ${version} (node ${process.versions.node})\n`,
      stderr: "",
    });
    expect((await keyturn("help")).stdout).toContain("run-once");
  });

  it("checks a configuration as the checkout does", async () => {
    const checked = await keyturn("config", "check", "--config", "config/keyturn.example.yaml");
    expect([checked.code, checked.stderr]).toEqual([0, ""]);
    writeFileSync(join(app, "config/wrong.yaml"), "antropic: {}\n");
    const wrong = await keyturn("config", "check", "--config", "config/wrong.yaml");
    expect(wrong.code).toBe(78);
    expect(wrong.stderr).toContain("antropic");
    rmSync(join(app, "config/wrong.yaml"));
  });

  it("has neither the demo nor the simulated services, and says so", async () => {
    expect(globSync("src/{demo,sandbox,cli/commands/demonstrate.*}", { cwd: app })).toEqual([]);
    const { code, stderr } = await keyturn("demo");
    expect(code).toBe(64);
    expect(stderr).toContain("not part of a container image");
  });

  it("loads every package that our sources name, also those that wait for their first use", async () => {
    const ours = globSync("{src,workers,config}/**/*.js", { cwd: app }).map((file) =>
      readFileSync(join(app, file), "utf8"),
    );
    const names = new Set(
      ours.flatMap((text) =>
        [...text.matchAll(/(?:\bfrom|\bimport\(|[rR]equire\(import\.meta\.url\)\()\s*"(@?[a-z][\w/.-]*)"/g)].map(
          (m) => m[1] ?? "",
        ),
      ),
    );
    const packages = [...names].filter((name) => !name.startsWith("node:") && name !== "js-redis-server").toSorted();
    for (const late of [
      "@aws-sdk/client-secrets-manager",
      "node-cron",
      "@google-cloud/secret-manager",
      "@slack/bolt",
      "openid-client",
    ])
      expect(packages).toContain(late);
    const load = `for (const name of ${JSON.stringify(packages)}) if (Object.keys(await import(name)).length === 0) throw new Error(name);`;
    expect(await node("--input-type=module", "--eval", load)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("has production packages only, each as the bill of materials names it", () => {
    const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
    const wanted = productionPackages(lock).map(({ name, version }) => `${name}@${version}`);
    const there = globSync("**/node_modules/{*,@*/*}/package.json", { cwd: app }).map((file) => {
      const { name, version } = JSON.parse(readFileSync(join(app, file), "utf8")) as Record<string, string>;
      return `${name}@${version}`;
    });
    expect([...new Set(there)].toSorted()).toEqual(wanted.toSorted());
    const bom = JSON.parse(readFileSync(join(app, "keyturn.cdx.json"), "utf8")) as {
      components: { name: string; version: string }[];
    };
    expect(bom.components.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual(wanted.toSorted());
    const manifest = JSON.parse(readFileSync(join(app, "package.json"), "utf8")) as object;
    expect(Object.keys(manifest)).not.toContain("devDependencies");
  });

  it("hands on every licence text that its list names", () => {
    const list = readFileSync(join(app, "licences.md"), "utf8");
    const texts = [...list.matchAll(/\| (node_modules\/\S+) \|$/gm)].map((match) => match[1] ?? "");
    expect(texts.length).toBeGreaterThan(100);
    const there = new Set(filesIn(app));
    expect(texts.filter((file) => !there.has(file))).toEqual([]);
  });

  it("is from one moment, readable by everybody, writable by its owner only, and holds no program", () => {
    const files = filesIn(app).map((file) => ({ file, stat: lstatSync(join(app, file)) }));
    expect(files.filter(({ stat }) => stat.mtimeMs !== AT * 1000 || (stat.mode & 0o7777) !== 0o644)).toEqual([]);
    expect(files.filter(({ stat }) => !stat.isFile())).toEqual([]);
  });
});

describe("JavaScript of TypeScript", () => {
  it("keeps every line and column, so that a stack trace names the true place", () => {
    const source = 'import { a } from "./a.ts";\nexport const b = (x: number): number => a(x);\n';
    expect(toJavaScript(source)).toBe('import { a } from "./a.js";\nexport const b = (x        )         => a(x);\n');
  });

  it.each([
    ['export * from "../b.ts";', 'export * from "../b.js";'],
    ['import "./b.ts";', 'import "./b.js";'],
    ['await import("./b.ts");', 'await import("./b.js");'],
    ['const file = "./b.ts";', 'const file = "./b.ts";'],
    ['import c from "package/b.ts";', 'import c from "package/b.ts";'],
  ])("%s", (source, made) => expect(toJavaScript(source)).toBe(made));

  it("refuses what is more than types", () => {
    expect(() => toJavaScript("enum A { b }")).toThrow(/enum/);
  });
});

describe("the Dockerfile", () => {
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const last = stages.at(-1) ?? "";

  it("takes both base images as arguments, and runs nothing in the one that is shipped", () => {
    expect(dockerfile).toMatch(/^ARG BUILD_IMAGE=\S+$/m);
    expect(dockerfile).toMatch(/^ARG RUNTIME_IMAGE=\S+$/m);
    expect(stages.map((stage) => stage.split(/\s/)[0])).toEqual(["${BUILD_IMAGE}", "${RUNTIME_IMAGE}"]);
    expect(last).not.toMatch(/^RUN /m);
    expect(last.match(/^(COPY|ADD) .*/gm)).toEqual(["COPY --from=build /out/app /app"]);
  });

  it("ends as the numeric user 65532, and has the version of package.json", () => {
    expect(last.match(/^USER .*/gm)).toEqual(["USER 65532:65532"]);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(last).toContain(`ARG VERSION=${version}\n`);
  });

  it("has no form that an older builder does not know", () => {
    expect(dockerfile).not.toMatch(/<<|--link|--network|--chmod|--mount/);
  });
});
