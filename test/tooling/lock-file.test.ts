import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  packages: Record<string, { resolved?: string; integrity?: string; hasInstallScript?: boolean; optional?: boolean }>;
};
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, Record<string, string>>;

describe("dependencies", () => {
  it("the lock file names no registry, and every package has its integrity", () => {
    for (const [path, entry] of Object.entries(lock.packages)) {
      if (path === "") continue;
      expect(entry.resolved, path).toBeUndefined();
      expect(entry.integrity, path).toMatch(/^sha512-/);
    }
  });

  it.each(["dependencies", "devDependencies", "optionalDependencies"])("%s are exact versions", (kind) => {
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      expect(version, name).toMatch(/^(npm:@anthropic-ai\/sdk@)?\d+\.\d+\.\d+$/);
    }
  });
});
