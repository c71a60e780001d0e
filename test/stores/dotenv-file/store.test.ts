import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SecretStore } from "../../../src/ports/secret-store.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { type Files, nodeFiles } from "../../../src/stores/dotenv-file/files.ts";
import { openDotenvFile } from "../../../src/stores/dotenv-file/store.ts";
import { failure } from "../../contract/secret-store.contract.ts";
import { makeKey } from "../../support/keys.ts";

const OUTGOING = makeKey("contract-outgoing");
const REPLACEMENT = makeKey("contract-replacement");
const THIRD = makeKey("contract-third");
const KEY = "ANTHROPIC_API_KEY";
const R1 = "rot_file-1";
const text = (key: string) => SecretText.from(key);
const line = (key: string) => `${KEY}=${key}\n`;

let directory: string;
let store: SecretStore;
const path = (name: string) => join(directory, name);
const dest = (secret = "app.env", field: string | null = KEY): Destination => ({
  store: "files",
  type: "dotenv-file",
  location: { directory },
  secret,
  field,
});
const open = (changes: Partial<Files> = {}) => openDotenvFile({ directory }, "files", { ...nodeFiles, ...changes });
async function promote(on: SecretStore, to = dest()): Promise<void> {
  await on.promote(to, R1, (await on.stage(to, text(REPLACEMENT), R1)).baseVersion);
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "keyturn-dotenv-"));
  await writeFile(path("app.env"), line(OUTGOING));
  store = await open();
});
afterEach(() => rm(directory, { recursive: true }));

describe("paths", () => {
  it.each([
    "../app.env",
    "/etc/passwd",
    "a/../../b",
    "..",
    ".",
    "",
    "a\0b",
    "sub/",
    ".app.env.keyturn-pending",
    ".app.env.keyturn-marks",
  ])("%j is not a file of the store", async (secret) => {
    expect((await failure(store.read(dest(secret)))).code).toBe("CONFIG_INVALID");
  });
  it.each([null, "a b", "1A", "a.b", ""])("%j is not a variable", async (field) => {
    expect((await failure(store.read(dest("app.env", field)))).code).toBe("CONFIG_INVALID");
  });
  it("a link that leaves the directory is refused, one that stays is kept and followed", async () => {
    const outside = await mkdtemp(join(tmpdir(), "keyturn-outside-"));
    await writeFile(join(outside, "x.env"), line(OUTGOING));
    await symlink(join(outside, "x.env"), path("out.env"));
    await symlink(outside, path("out"));
    await symlink("app.env", path("in.env"));
    for (const secret of ["out.env", "out/x.env", "out/new.env"])
      expect((await failure(store.read(dest(secret)))).code).toBe("STORE_CONFLICT");
    await promote(store, dest("in.env"));
    expect((await lstat(path("in.env"))).isSymbolicLink()).toBe(true);
    expect(await readFile(path("app.env"), "utf8")).toBe(line(REPLACEMENT));
    await rm(outside, { recursive: true });
  });
  it("a missing directory is never `nothing there`", async () => {
    const gone = await openDotenvFile({ directory: path("gone") }, "files");
    expect((await failure(gone.read(dest()))).code).toBe("STORE_MISSING");
    expect((await failure(store.read(dest("gone/app.env")))).code).toBe("STORE_MISSING");
  });
  it.each([
    ["a folder", () => mkdir(path("odd"))],
    ["a pipe, without waiting for its writer", async () => void spawnSync("mkfifo", [path("odd")])],
    ["bytes that are not UTF-8", () => writeFile(path("odd"), Buffer.from([0xff, 0xfe]))],
    ["a file of several megabytes", () => writeFile(path("odd"), "#".repeat(2_000_000))],
  ])("%s is refused", async (_, make) => {
    await make();
    expect((await failure(store.read(dest("odd")))).code).toBe("STORE_CONFLICT");
  });
});

describe("modes and owners", () => {
  it.each([0o600, 0o640, 0o444, 0o400])(
    "a file's mode %o stays; what lies beside it is for its owner alone",
    async (mode) => {
      await chmod(path("app.env"), mode);
      await store.mark(dest(), { phase: "stage" });
      await promote(store);
      expect((await stat(path("app.env"))).mode & 0o777).toBe(mode);
      for (const kind of ["pending", "marks"])
        expect((await stat(path(`.app.env.keyturn-${kind}`))).mode & 0o777).toBe(0o600);
    },
  );
  it("the owner stays when we may keep it; when not, nothing is changed", async () => {
    // Only root can give a file to somebody else; for everybody else the owner is the only one there can be.
    if (process.geteuid?.() !== 0) {
      const before = await stat(path("app.env"));
      await promote(store);
      expect((await stat(path("app.env"))).uid).toBe(before.uid);
      return;
    }
    await chown(path("app.env"), 65534, 65534);
    await promote(store);
    expect(await stat(path("app.env"))).toMatchObject({ uid: 65534, gid: 65534 });
    await chown(path("app.env"), 0, 0);
    await chmod(path("app.env"), 0o666);
    await chmod(directory, 0o777);
    process.seteuid?.(65534);
    try {
      expect((await failure(store.preflight(dest()))).code).toBe("STORE_DENIED");
      expect(
        (await failure(store.rollBack(dest(), R1, text(REPLACEMENT).fingerprint, text(OUTGOING).fingerprint))).code,
      ).toBe("STORE_DENIED");
    } finally {
      process.seteuid?.(0);
    }
    expect(await readFile(path("app.env"), "utf8")).toBe(line(REPLACEMENT));
  });
});

describe("changes by other programs (R10)", () => {
  const renameOfApp = (then: () => Promise<void>, when: "before" | "during"): Partial<Files> => {
    let once = true;
    return {
      rename: async (from, to) => {
        const ours = once && String(to).endsWith("/app.env");
        if (ours && when === "during") await then();
        await nodeFiles.rename(from, to);
        if (ours) once = false;
      },
      open: async (file, ...more) => {
        // The temporary file is the last thing that is made before the comparison.
        if (once && when === "before" && String(file).endsWith(".app.env.keyturn-tmp") && more[0] === "wx") {
          once = false;
          await then();
        }
        return nodeFiles.open(file, ...more);
      },
    };
  };
  it.each([
    [
      "replaced by another file",
      "before",
      () => writeFile(path("new"), line(THIRD)).then(() => nodeFiles.rename(path("new"), path("app.env"))),
    ],
    ["written in place", "before", () => writeFile(path("app.env"), line(THIRD))],
    ["touched only", "before", () => utimes(path("app.env"), 1, 1)],
    ["removed", "before", () => rm(path("app.env"))],
    ["written in place during the very rename", "during", () => writeFile(path("app.env"), line(THIRD))],
  ] as const)("%s: refused, and their content stays", async (what, when, change) => {
    const { baseVersion } = await store.stage(dest(), text(REPLACEMENT), R1);
    const raced = await open(renameOfApp(change, when));
    expect((await failure(raced.promote(dest(), R1, baseVersion))).code).toBe("BASE_CHANGED");
    const now = await readFile(path("app.env"), "utf8").catch(() => null);
    expect(now).toBe(what === "removed" ? null : what === "touched only" ? line(OUTGOING) : line(THIRD));
    expect((await store.readPending(dest(), R1))?.value.equals(text(REPLACEMENT))).toBe(true);
    expect((await readdir(directory)).filter((name) => /tmp|lock/.test(name))).toEqual([]);
  });
  it("a hard link would go on showing the old key, so it is refused", async () => {
    await link(path("app.env"), path("second-name.env"));
    expect((await failure(store.preflight(dest()))).code).toBe("STORE_CONFLICT");
    expect((await failure(promote(store))).code).toBe("STORE_CONFLICT");
    expect(await readFile(path("app.env"), "utf8")).toBe(line(OUTGOING));
  });
});

describe("the lock file", () => {
  const lock = (holder: object) =>
    writeFile(
      path(".app.env.keyturn-lock"),
      JSON.stringify({ host: hostname(), pid: process.pid, at: Date.now(), nonce: "x", ...holder }),
    );
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  it.each([
    ["of a process that has ended", { pid: dead }],
    ["of our own process id, from before a restart of the container", {}],
    ["older than a minute, on whatever host", { host: "elsewhere", at: Date.now() - 61_000 }],
    ["that a power failure left without content", null],
  ])("%s is taken over", async (_, holder) => {
    if (holder === null) await writeFile(path(".app.env.keyturn-lock"), "");
    else await lock(holder);
    await store.stage(dest(), text(REPLACEMENT), R1);
    expect(await readdir(directory)).toEqual([".app.env.keyturn-pending", "app.env"]);
  });
  it("of a living process is waited for, then STORE_UNAVAILABLE; it is not touched", async () => {
    await lock({ pid: process.ppid });
    expect((await failure(store.stage(dest(), text(REPLACEMENT), R1))).code).toBe("STORE_UNAVAILABLE");
    expect(await readdir(directory)).toEqual([".app.env.keyturn-lock", "app.env"]);
  }, 10_000);
  it("taken over while we stood still stops us before the rename", async () => {
    const { baseVersion } = await store.stage(dest(), text(REPLACEMENT), R1);
    const frozen = await open({
      open: async (file, ...more) => {
        if (String(file).endsWith(".app.env.keyturn-tmp") && more[0] === "wx")
          await lock({ pid: process.ppid, nonce: "theirs" });
        return nodeFiles.open(file, ...more);
      },
    });
    expect((await failure(frozen.promote(dest(), R1, baseVersion))).code).toBe("STORE_UNAVAILABLE");
    expect(await readFile(path("app.env"), "utf8")).toBe(line(OUTGOING));
    expect(await readFile(path(".app.env.keyturn-lock"), "utf8")).toContain("theirs");
  });
  it("twenty writers at once all get their turn", async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => open()));
    await Promise.all(many.map((one, i) => one.stage(dest(), text(makeKey(`many-${i}`)), `rot_many-${i}`)));
    expect((await store.listPending(dest())).length).toBe(20);
  });
});

describe("what lies beside a file", () => {
  it("P3: a temporary file that a crash left is destroyed by the next writer", async () => {
    await writeFile(path(".app.env.keyturn-tmp"), line(REPLACEMENT));
    await store.mark(dest(), { phase: "stage" });
    expect(await readdir(directory)).toEqual([".app.env.keyturn-marks", "app.env"]);
  });
  it("the companion is overwritten before it is removed, and goes when the last entry goes", async () => {
    await promote(store);
    const handle = await nodeFiles.open(path(".app.env.keyturn-pending"), "r");
    await store.discardPending(dest(), R1);
    expect((await handle.readFile("utf8")).includes(REPLACEMENT)).toBe(false);
    await handle.close();
    await store.discardPrevious(dest(), R1);
    expect(await readdir(directory)).toEqual(["app.env"]);
  });
  it("an operator's lines for other fields, comments and the time of writing stay when entries come and go", async () => {
    await writeFile(path("app.env"), `${line(OUTGOING)}OTHER=${OUTGOING}\n`);
    await writeFile(path(".app.env.keyturn-pending"), `# for the night shift\nexport OTHER="${THIRD}"`);
    await utimes(path(".app.env.keyturn-pending"), 1_000_000, 1_000_000);
    await promote(store);
    await store.discardPending(dest(), R1);
    await store.discardPrevious(dest(), R1);
    expect(await readFile(path(".app.env.keyturn-pending"), "utf8")).toContain(
      `# for the night shift\nexport OTHER="${THIRD}"`,
    );
    expect((await store.readPending(dest("app.env", "OTHER"), R1))?.writtenAt).toBe(1_000_000_000);
  });
  it("R10: marks name the host only when another host wrote last", async () => {
    await store.mark(dest(), { phase: "stage" });
    const marks = path(".app.env.keyturn-marks");
    expect(await store.readMarks(dest())).toEqual({ phase: "stage" });
    await writeFile(marks, (await readFile(marks, "utf8")).replace(/^keyturn-host=.*$/m, "keyturn-host=elsewhere"));
    expect(await store.readMarks(dest())).toEqual({ phase: "stage", host: "elsewhere" });
  });
});
