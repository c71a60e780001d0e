import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { filesIn } from "../../scripts/image/files.ts";
import { productionFolders } from "../../scripts/image/packages.ts";
import { LEFT_ON_PURPOSE, RULES, UNUSED_PACKAGES, leftOut } from "../../scripts/image/prune-rules.ts";
import type { Lock } from "../../scripts/sbom.ts";
import { reachable } from "./module-graph.ts";

const ROOT = join(import.meta.dirname, "../..");
const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
const packages = productionFolders(lock);
const OURS = globSync("{src,workers,config}/**/*.ts", { cwd: ROOT }).filter(
  (file) => !/^src\/((demo|sandbox)\/|cli\/commands\/demonstrate\.ts$)/.test(file),
);
/** Files of production packages, below node_modules. */
const files = packages.flatMap((folder) =>
  filesIn(join(ROOT, folder))
    .filter((file) => !file.startsWith("node_modules/"))
    .map((file) => `${folder.slice("node_modules/".length)}/${file}`),
);

describe("what an image leaves out of the packages", () => {
  const found = reachable(OURS.map((file) => join(ROOT, file)));
  const below = (file: string): string => relative(join(ROOT, "node_modules"), file);
  const asked = [...found].flatMap(([file, by]) =>
    by === null || !file.includes("/node_modules/") ? [] : [{ file: below(file), from: below(by.from) }],
  );

  it("nothing that our sources reach, over any number of packages, by a literal require or import", () => {
    // A number far too small would mean that the search itself is broken.
    expect(asked.length).toBeGreaterThan(1000);
    const missing = asked.filter(({ file }) => leftOut(file) !== null && !/\.d\.[cm]?ts$/.test(file));
    const explained = (each: { file: string; from: string }) =>
      LEFT_ON_PURPOSE.some(({ from, to }) => from.test(each.from) && to.test(each.file));
    expect(missing.filter((each) => !explained(each))).toEqual([]);
    expect(missing.filter(explained)).toHaveLength(LEFT_ON_PURPOSE.length);
  });

  it.each([
    ["an SDK that is loaded late", "@aws-sdk/client-secrets-manager/dist-cjs/index.js"],
    ["what a package asks for itself", "google-gax/build/src/index.js"],
    ["the queue, which is loaded at once", "bullmq/dist/cjs/index.js"],
  ])("the search goes into %s", (_, file) => {
    expect(asked.map((each) => each.file)).toContain(file);
  });

  it("every rule still leaves something out, and every package named is still installed", () => {
    const reasons = new Set(files.map(leftOut));
    expect(RULES.map(({ why }) => why).filter((why) => !reasons.has(why))).toEqual([]);
    const names = new Set(packages.map((folder) => folder.split("node_modules/").at(-1)));
    expect([...UNUSED_PACKAGES.keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it("no package that a program would load: nothing of an unused package is reached but on purpose", () => {
    const reached = new Set(asked.map(({ file }) => file.split("/")[0] ?? ""));
    const purpose = LEFT_ON_PURPOSE.map(({ to }) => to);
    const wrong = [...UNUSED_PACKAGES.keys()].filter(
      (name) => reached.has(name) && !purpose.some((to) => to.test(`${name}/`)),
    );
    expect(wrong).toEqual([]);
  });

  it.each([
    ["zod/LICENSE", null],
    ["zod/package.json", null],
    ["zod/v4/core/api.js", null],
    ["zod/v4/core/api.cjs", /require/],
    ["a/node_modules/zod/v3/types.js", /version 3/],
    ["luxon/LICENSE.md", null],
    ["luxon/README.md", /prose/],
    ["@grpc/grpc-js/proto/channelz.proto", null],
    ["@types/node/LICENSE", /types only/],
    ["yargs/LICENSE", /proto-loader-gen-types/],
    [".package-lock.json", /npm/],
  ])("%s: %s", (file, why) => {
    if (why === null) expect(leftOut(file)).toBe(null);
    else expect(leftOut(file)).toMatch(why);
  });
});
