import { beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, tool } from "../support/servers/build.ts";
import { HELMS, MISTAKES, render } from "./helm.ts";

beforeAll(async () => {
  for (const name of HELMS) await tool(name);
}, BUILD_TIMEOUT_MS);

describe.each(HELMS)("values that cannot work are refused by %s", (helm) => {
  it.each(MISTAKES)("$name: $sentence", async ({ file, sentence }) => {
    const { code, stdout, stderr } = await render(helm, "--values", file);
    expect(stderr).toContain(sentence);
    expect(code).not.toBe(0);
    // Nothing that somebody could pipe into kubectl.
    expect(stdout).toBe("");
  });

  it.each(["secret-inline", "password-inline", "redis-password-in-url", "tracing-header-inline"])(
    "%s: what may be the secret is not repeated",
    async (name) => {
      const { file } = MISTAKES.find((each) => each.name === name)!;
      const { stderr, stdout } = await render(helm, "--values", file);
      expect(stderr + stdout).not.toMatch(/not-a-real/);
    },
  );
});
