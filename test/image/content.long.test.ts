import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemble } from "../../scripts/image/assemble.ts";
import { filesIn } from "../../scripts/image/files.ts";
import { containsKey } from "../../src/rotation/contains-key.ts";
import { type Built, DECOYS, DECOY_KEY, ROOT, buildImage } from "./build.ts";
import { done } from "./tools.ts";

interface Config {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  WorkingDir: string;
  StopSignal: string;
  ExposedPorts: Record<string, object>;
  Volumes?: object;
  Labels: Record<string, string>;
}

let built: Built;
/** The image's root folder, as root sees it. */
let root: string;
let config: Config;
beforeAll(async () => {
  built = await buildImage();
  root = (await built.podman("image", "mount", built.image)).stdout.trim();
  const { stdout } = await built.podman("image", "inspect", "--format", "{{json .Config}}", built.image);
  config = JSON.parse(stdout) as Config;
});
afterAll(() => built.close());

describe("the image's files", () => {
  it("are those of the base and /app, nothing else", () => {
    const ofBase = filesIn(join(built.dir, "runtime"));
    const ours = filesIn(root).filter((file) => !file.startsWith("app/"));
    expect(ours.toSorted()).toEqual(ofBase.toSorted());
    expect(readdirSync(join(root, "app")).toSorted()).toEqual([
      "LICENSE",
      "config",
      "keyturn.cdx.json",
      "licences.md",
      "node_modules",
      "package.json",
      "src",
      "workers",
    ]);
  });

  it("are byte for byte what a checkout makes, though npm installed them anew", () => {
    const here = mkdtempSync(join(tmpdir(), "kt-app-"));
    try {
      assemble(ROOT, here, 0);
      const hashes = (folder: string) =>
        Object.fromEntries(
          filesIn(folder).map((file) => [
            file,
            createHash("sha256")
              .update(readFileSync(join(folder, file)))
              .digest("hex"),
          ]),
        );
      expect(hashes(join(root, "app"))).toEqual(hashes(here));
    } finally {
      rmSync(here, { recursive: true });
    }
  });

  it("belong to root, can be written by nobody else, and none is a program", () => {
    const wrong = readdirSync(join(root, "app"), { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { uid, gid, mode } = lstatSync(path);
      const wanted = entry.isDirectory() ? 0o755 : 0o644;
      return uid === 0 && gid === 0 && (mode & 0o7777) === wanted && !entry.isSymbolicLink() ? [] : [path];
    });
    expect(wrong).toEqual([]);
  });

  it("have no shell, no package manager and no compiler among them", () => {
    const names = new Set(filesIn(root).map((file) => file.split("/").at(-1) ?? ""));
    const tools = [
      "sh",
      "bash",
      "dash",
      "busybox",
      "npm",
      "npx",
      "yarn",
      "pnpm",
      "corepack",
      "apt",
      "apk",
      "dpkg",
      "tsc",
    ];
    expect(tools.filter((name) => names.has(name))).toEqual([]);
    expect(filesIn(root).filter((file) => file.endsWith(".ts"))).toEqual([]);
  });

  it("hold nothing of what lay about where it was built: no key, no .git, no .env, no configuration of somebody's own", () => {
    const files = filesIn(join(root, "app"));
    expect(files.filter((file) => (DECOYS as readonly string[]).includes(file))).toEqual([]);
    expect(files.filter((file) => /(^|\/)\.(git|env|npmrc|ssh|docker)/.test(file))).toEqual([]);
    const texts = files.map((file) => ({ file, text: readFileSync(join(root, "app", file), "latin1") }));
    expect(texts.filter(({ text }) => text.includes(DECOY_KEY) || containsKey(text)).map(({ file }) => file)).toEqual(
      [],
    );
  });

  it("add less than 5 MB compressed to the base", async () => {
    const tar = join(built.dir, "app.tar");
    await done("tar", ["--create", "--file", tar, "--directory", root, "app"]);
    await done("gzip", ["-9", tar]);
    const [packed, unpacked] = [
      lstatSync(`${tar}.gz`).size,
      filesIn(join(root, "app")).reduce((sum, file) => sum + lstatSync(join(root, "app", file)).size, 0),
    ];
    process.stdout.write(
      `/app: ${(packed / 1e6).toFixed(2)} MB with gzip -9, ${(unpacked / 1e6).toFixed(1)} MB unpacked\n`,
    );
    expect(packed).toBeLessThan(5e6);
    expect(unpacked).toBeLessThan(25e6);
  });

  it("are the same bytes when it is built once more from nothing", async () => {
    const before = await built.layers();
    expect(before).toHaveLength(2);
    expect(await built.rebuild()).toEqual(before);
  });
});

describe("the image's settings", () => {
  it("are these, and no variable of the build is among them", () => {
    expect(config).toMatchObject({
      User: "65532:65532",
      WorkingDir: "/app",
      Entrypoint: ["node", "/app/src/cli/main.js"],
      Cmd: ["serve"],
      StopSignal: "SIGTERM",
    });
    expect(config.Env.toSorted()).toEqual([
      "KEYTURN_CONFIG=/etc/keyturn/keyturn.yaml",
      "NODE_ENV=production",
      "NODE_OPTIONS=--disable-proto=throw --disable-sigusr1 --report-exclude-env",
      "PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin",
    ]);
    expect(Object.keys(config.ExposedPorts).toSorted()).toEqual(["8080/tcp", "9090/tcp"]);
    // A volume would be a place to write that nobody asked for.
    expect(config.Volumes ?? {}).toEqual({});
  });

  it("name what it is, and the base by its digest", () => {
    const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`];
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect([label("title"), label("version"), label("licenses")]).toEqual(["keyturn", version, "Apache-2.0"]);
    expect(label("base.name")).toBe(built.bases.runtime);
    expect(label("base.name")).toMatch(/@sha256:[0-9a-f]{64}$/);
  });
});
