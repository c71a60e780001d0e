import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/** Writes the address of each module that is loaded to stderr, a line each. */
const TELL = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from "node:module";
import { writeSync } from "node:fs";
registerHooks({ load: (url, context, next) => (writeSync(2, url + "\\n"), next(url, context)) });
`)}`;

async function loadedBy(...command: string[]): Promise<string[]> {
  const { stderr } = await promisify(execFile)(process.execPath, ["--import", TELL, "src/cli/main.ts", ...command], {
    maxBuffer: 10 * 1024 * 1024,
  });
  return stderr.split("\n").filter((line) => line.startsWith("file:"));
}

describe("what starting a command loads", () => {
  it("is not what only other commands, ways in or stores need: most of a start is loading modules", async () => {
    const loaded = await loadedBy("--version");
    const unneeded = ["src/demo/", "src/sandbox/", "src/doctor/", "src/http/", "src/slack/", "src/oidc/"];
    const packages = ["@slack/", "@aws-sdk/", "@google-cloud/", "openid-client/", "undici/"];
    const found = [...unneeded, ...packages.map((name) => `node_modules/${name}`)].filter((part) =>
      loaded.some((url) => url.includes(`/${part}`)),
    );
    expect(found).toEqual([]);
    expect(loaded.some((url) => url.includes("/src/compose.ts"))).toBe(true);
  }, 30_000);
});
