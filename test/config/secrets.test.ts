import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveSecret } from "../../config/secrets.ts";
import { makeAdminKey } from "../support/keys.ts";

const key = makeAdminKey("secrets");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keyturn-secrets-"));
  writeFileSync(join(folder, "key"), `${key}\r\n`);
  writeFileSync(join(folder, "empty"), "\n");
  writeFileSync(join(folder, "large"), "x".repeat(65 * 1024));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a secret's reference", () => {
  it.each([
    { ref: "env:KEY", env: { KEY: key } },
    { ref: "env:KEY", env: { KEY: `${key}\n` } },
  ])("$ref is read from the environment, without a line end", ({ ref, env }) =>
    expect(resolveSecret(ref, "anthropic.adminKey", env).use((text) => text)).toBe(key),
  );

  it("file:/path is read from the file, without a line end", () =>
    expect(resolveSecret(`file:${folder}/key`, "anthropic.adminKey", {}).use((text) => text)).toBe(key));

  it("is read at each use, so a changed secret is picked up", () => {
    const env = { KEY: "first" };
    expect(resolveSecret("env:KEY", "p", env).use((text) => text)).toBe("first");
    env.KEY = "second";
    expect(resolveSecret("env:KEY", "p", env).use((text) => text)).toBe("second");
  });

  it.each([
    {
      what: "a variable that is not set",
      ref: () => "env:NOPE",
      says: "env:NOPE: the environment variable is not set.",
    },
    { what: "an empty variable", ref: () => "env:EMPTY", says: "env:EMPTY: the environment variable is empty." },
    { what: "a missing file", ref: () => `file:${folder}/nope`, says: "the file cannot be read (ENOENT)." },
    { what: "a folder", ref: () => `file:${folder}`, says: "the file cannot be read (EISDIR)." },
    { what: "an empty file", ref: () => `file:${folder}/empty`, says: "the file is empty." },
    { what: "a file far too large", ref: () => `file:${folder}/large`, says: "the file is too large for a secret." },
  ])("$what is refused with the setting and the reference", ({ ref, says }) => {
    const reading = () => resolveSecret(ref(), "anthropic.adminKey", { EMPTY: "" });
    expect(reading).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", exit: 78 }));
    expect(reading).toThrow(`anthropic.adminKey: ${ref()}: `);
    expect(reading).toThrow(says);
  });

  it("P3: something that is not a reference is not quoted", () => {
    const reading = () => resolveSecret(key, "anthropic.adminKey", {});
    expect(reading).toThrow("anthropic.adminKey: must be a reference: env:NAME or file:/path.");
    expect(reading).not.toThrow(key.slice(14, 30));
  });
});
