import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hintOf } from "../../src/rotation/secret.ts";
import { makeKey } from "../support/keys.ts";
import { filesBelow, findings } from "./search.ts";

const text = makeKey("search");
const canary = { name: "canary", text };
const found = (bytes: string | Buffer) => findings([canary], [{ where: "here", bytes: Buffer.from(bytes) }]);

describe("the search for canaries finds a key", () => {
  it.each([
    { how: "as it is", bytes: `{"key":"${text}"}` },
    { how: "cut after 20 characters", bytes: text.slice(0, 20) },
    { how: "without its beginning", bytes: text.slice(30) },
    { how: "a part from the middle", bytes: text.slice(50, 67) },
    { how: "base64", bytes: Buffer.from(text).toString("base64") },
    { how: "base64 in a longer text", bytes: Buffer.from(`Bearer ${text}, yes`).toString("base64") },
    { how: "base64 in another longer text", bytes: Buffer.from(`Basic x:${text}`).toString("base64url") },
    { how: "hex", bytes: Buffer.from(text).toString("hex") },
    { how: "URL encoding", bytes: `?key=${encodeURIComponent(text)}` },
    { how: "UTF-16", bytes: Buffer.from(text, "utf16le") },
    { how: "backwards", bytes: text.split("").toReversed().join("") },
  ])("$how", ({ bytes }) => expect(found(bytes)).toHaveLength(1));

  it("but not its hint, its fingerprint, or another key", () => {
    expect(found(`${hintOf(text)} ${text.slice(0, 16)} ${text.slice(-4)} ${makeKey("other")}`)).toEqual([]);
  });

  it("in files, those with names of their own left out", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kt-search-"));
    await writeFile(join(folder, "a.env"), text);
    await writeFile(join(folder, ".b.tmp"), text);
    expect(findings([canary], await filesBelow(folder, ["a.env"]))).toEqual(["canary (as it is) in file .b.tmp"]);
    await rm(folder, { recursive: true });
  });
});
