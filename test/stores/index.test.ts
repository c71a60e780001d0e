import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { STORES } from "../../src/stores/index.ts";

const GOOD: Record<string, object> = {
  "dotenv-file": { directory: "secrets" },
  "aws-secrets-manager": { region: "eu-central-1", endpoint: "http://127.0.0.1:5566" },
};

describe("the list of stores", () => {
  it.each(Object.entries(GOOD))("%s takes its options and refuses unknown ones", (type, options) => {
    expect(STORES[type]?.options.safeParse(options).success).toBe(true);
    expect(STORES[type]?.options.safeParse({ ...options, unknown: 1 }).success).toBe(false);
    expect(STORES[type]?.options.safeParse({}).success).toBe(false);
  });
  it.each(["", "europe", "eu-central", "EU-CENTRAL-1"])("%j is not an AWS region", (region) => {
    expect(STORES["aws-secrets-manager"]?.options.safeParse({ region }).success).toBe(false);
  });
  it("R15: the location is what tells two stores apart, a relative directory resolved", () => {
    expect(STORES["dotenv-file"]?.location({ directory: "secrets" })).toEqual({ directory: resolve("secrets") });
    expect(STORES["aws-secrets-manager"]?.location({ region: "eu-central-1" })).toEqual({ region: "eu-central-1" });
  });
  it.each(Object.entries(GOOD))(
    "the location of %s before opening is the opened store's own",
    async (type, options) => {
      const store = await STORES[type]?.open(options, "name");
      expect(store?.location).toEqual(STORES[type]?.location(options));
      expect(store?.type).toBe(type);
      await store?.close();
    },
  );
  it("loads no vendor's SDK until a store is opened", () => {
    const script = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      await import("./src/stores/index.ts");
      console.log(loaded.filter((url) => /@aws-sdk|@google-cloud|@smithy|google-gax/.test(url)).length, loaded.length > 3);`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: join(import.meta.dirname, "../.."),
      encoding: "utf8",
    });
    expect(child.stdout.trim()).toBe("0 true");
  });
});
