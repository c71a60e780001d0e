import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { warningsFor } from "../../config/warnings.ts";
import { writeConfig } from "../../src/demo/configuration.ts";
import { keyIn, makeFolder, restOf, writeEnvFile } from "../../src/demo/folder.ts";
import { makeAdminKey, makeKey } from "../support/keys.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "kt demo "));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
});

describe("the demo's folder", () => {
  it("is made where it was asked for", () =>
    expect(makeFolder(join(base, "new/deep")).dir).toBe(join(base, "new/deep")));

  it("is a fresh one when none was asked for", () => {
    const { dir } = makeFolder(null);
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it("is never one that already has something in it", () => {
    writeFileSync(join(base, "precious"), "");
    expect(() => makeFolder(base)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("is refused when it is a file", () => {
    writeFileSync(join(base, "file"), "");
    expect(() => makeFolder(join(base, "file"))).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("the demo's configuration", () => {
  it("is read by the real loader and compresses nothing but times", () => {
    const folder = makeFolder(join(base, 'with "quotes" and: colons'));
    writeConfig(folder, { baseUrl: "http://127.0.0.1:4711", google: "127.0.0.1:4712" }, makeAdminKey("demo"));
    const { config, settings } = loadConfig({ path: folder.configFile });
    expect(config.redis.embedded).toBe(folder.redis);
    expect(settings.targets.map((target) => target.name)).toEqual(["app", "reports"]);
    expect(settings.targets[0]?.policy).toMatchObject({
      maxAgeMs: 90 * 86_400_000,
      approval: { required: true, approvals: 1 },
      drain: { acceptNoUsageCheck: false },
    });
    const paths = warningsFor(config).map((warning) => warning.path);
    expect(
      paths.filter((path) => !/gracePeriod|quietFor|limit|anthropic\.baseUrl|google\.insecure/.test(path)),
    ).toEqual([]);
    expect(readFileSync(folder.configFile, "utf8")).not.toContain("sk-ant-");
  });
});

describe("the application's dotenv file", () => {
  it("has other lines beside the key, so that a changed one would show", () => {
    const file = join(base, "app.env");
    const [one, two] = [makeKey("one"), makeKey("two")];
    writeEnvFile(file, "title", one);
    expect(keyIn(file)).toBe(one);
    const rest = restOf(file);
    expect(rest).toContain("DATABASE_URL=");
    writeEnvFile(file, "title", two);
    expect(restOf(file)).toBe(rest);
    writeEnvFile(file, "other", two);
    expect(restOf(file)).not.toBe(rest);
  });
});
