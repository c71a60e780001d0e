import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withLock } from "../support/servers/lock.ts";
import { MODULE, TOOL_NAMES, recipe } from "../support/servers/tools.ts";

const goMod = readFileSync(join(MODULE, "go.mod"), "utf8");
const lines = goMod.split("\n").map((line) => line.trim());

describe("the pinned test servers", () => {
  it.each(TOOL_NAMES)("%s is a tool of the Go module, with an exact version and a checksum", (name) => {
    const { target, version } = recipe(name);
    expect(lines).toContain(target);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    const module = lines.find((line) => line.includes(` v${version}`) && target.startsWith(line.split(" ")[0]!))!;
    expect(readFileSync(join(MODULE, "go.sum"), "utf8")).toContain(`${module.replace(" // indirect", "")} h1:`);
  });

  it("every part of Kubernetes is of the same release", () => {
    // Kubernetes 1.36.3 is made of k8s.io/api 0.36.3 and so on; its own go.mod names folders that a user of it lacks.
    const release = recipe("kube-apiserver").version.replace(/^1\./, "0.");
    const replaced = lines.filter((line) => line.startsWith("replace k8s.io/"));
    expect(replaced.length).toBeGreaterThan(20);
    expect(replaced.filter((line) => !line.endsWith(` v${release}`))).toEqual([]);
  });

  it("helm 3 renders for the Kubernetes it is tested with, not for 1.20", () => {
    const [major, minor] = recipe("kube-apiserver").version.split(".");
    expect(recipe("helm").ldflags).toContain(`-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${major}`);
    expect(recipe("helm").ldflags).toContain(`-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${minor}`);
  });
});

describe("building one that is missing", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kt-servers-"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });

  it("without Go says what is missing and what to do, and leaves nothing behind", async () => {
    vi.stubEnv("KEYTURN_TEST_CACHE", folder);
    vi.stubEnv("PATH", folder);
    vi.resetModules();
    const { build } = await import("../support/servers/build.ts");
    await expect(build("helm")).rejects.toThrow(/^helm 3\.\d+\.\d+, a test server, .* install Go 1\.26 or newer$/);
    expect(existsSync(join(folder, "build.lock"))).toBe(false);
  });

  it("one at a time: the second waits until the first has ended", async () => {
    const lock = join(folder, "lock");
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} begins`);
      await pause(50);
      seen.push(`${name} ends`);
    };
    await Promise.all([withLock(lock, work("one")), withLock(lock, work("two"))]);
    expect(seen).toHaveLength(4);
    expect(seen[1]).toBe(seen[0]!.replace("begins", "ends"));
  });

  it("a lock of a process that was killed is taken over", async () => {
    const lock = join(folder, "lock");
    const ended = execFileSync(process.execPath, ["-e", "console.log(process.pid)"], { encoding: "utf8" });
    await writeFile(lock, ended);
    expect(await withLock(lock, () => readFile(lock, "utf8"))).toBe(String(process.pid));
    expect(existsSync(lock)).toBe(false);
  });
});
