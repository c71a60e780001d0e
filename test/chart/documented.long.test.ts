import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { CHART, render } from "./helm.ts";

const DOCUMENTS = ["docs/kubernetes.md", "helm/keyturn/README.md"];
/** The blocks of values that people copy, with the heading above each. */
const BLOCKS = DOCUMENTS.flatMap((document) => {
  const text = readFileSync(join(CHART, "../..", document), "utf8");
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(({ 1: block = "", index }) => {
    const heading =
      text
        .slice(0, index)
        .match(/^#+ .*$/gm)
        ?.at(-1) ?? "";
    const line = text.slice(0, index).split("\n").length;
    return { where: `${document}:${line}, ${heading.replace(/^#+ /, "")}`, document, block };
  });
});

let folder: string;
beforeAll(async () => {
  await tool("helm");
  folder = await mkdtemp(join(tmpdir(), "kt-documented-"));
}, BUILD_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As in a cluster with the Prometheus operator. */
const OPERATOR = ["ServiceMonitor", "PrometheusRule"].flatMap((kind) => [
  "--api-versions",
  `monitoring.coreos.com/v1/${kind}`,
]);

/** A block stands alone, or on the least that works, of which the part that it is about goes. */
function baseFor(block: string): string {
  if (block.includes("adminKey")) return "";
  const minimal = readFileSync(join(CHART, "ci/default-minimal-values.yaml"), "utf8");
  return /^ {2}redis:/m.test(block) ? minimal.replace(/^ {2}redis:.*\n/m, "") : minimal;
}

describe("values in the documents work as they stand", () => {
  it.each(BLOCKS)("$where", async ({ block }) => {
    const [base, values] = [join(folder, "base.yaml"), join(folder, "values.yaml")];
    await writeFile(base, baseFor(block));
    await writeFile(values, block);
    const { code, stderr } = await render("helm", ...OPERATOR, "--values", base, "--values", values);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("are in both documents", () => {
    expect(new Set(BLOCKS.map(({ document }) => document))).toEqual(new Set(DOCUMENTS));
    expect(BLOCKS.length).toBeGreaterThan(8);
  });
});
