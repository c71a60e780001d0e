import { beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { CHART, EXAMPLES, run } from "./helm.ts";

beforeAll(() => tool("helm4"), BUILD_TIMEOUT_MS);

/** What a person reads after `helm install`. Helm 4 can show it without a cluster; test/kube installs with both. */
async function notes(file: string): Promise<string> {
  const { code, stdout, stderr } = await run(
    "helm4",
    "install",
    "kt",
    CHART,
    "--namespace",
    "rotation",
    "--dry-run=client",
    "--values",
    file,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.split(/^NOTES:\n/m)[1] ?? "";
}

describe.each(EXAMPLES)("the notes of the example $name", ({ file }) => {
  it("warn first, then name what is unset, then the next commands", async () => {
    const text = await notes(file);
    const headings: string[] = text.match(/^(WARNING|Still unset|Next)$/gm) ?? [];
    expect(headings).toEqual(["WARNING", "Still unset", "Next"].filter((each) => headings.includes(each)));
    expect(headings.at(-1)).toBe("Next");
    expect(text).toContain("helm test kt -n rotation --logs");
  });

  it("have no gaps, no forgotten braces, and no reference to a secret", async () => {
    const text = await notes(file);
    expect(text).not.toMatch(/\n\n\n|[{}]{2}|%!|<nil>|map\[|file:|env:/);
    expect(text).not.toMatch(/ {3,}$/m);
  });
});
