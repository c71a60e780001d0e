import { spawnSync } from "node:child_process";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/stores/google-secret-manager/crc32c.ts";
import { googleSecretManagerOptions } from "../../../src/stores/google-secret-manager/options.ts";
import { STORES } from "../../../src/stores/index.ts";
import { failure, FIELD, named, once, print, R1, REPLACEMENT, rig, secret } from "../../support/google/rig.ts";
import { CODE, StatusError } from "../../support/google/secret-manager.ts";
import { down } from "../../support/google/server.ts";

describe("errors by gRPC status; a vendor's text never shows (P3)", () => {
  it.each([
    [1, "STORE_UNAVAILABLE"],
    [2, "STORE_UNAVAILABLE"],
    [3, "STORE_CONFLICT"],
    [4, "STORE_UNAVAILABLE"],
    [7, "STORE_DENIED"],
    [8, "STORE_UNAVAILABLE"],
    [9, "STORE_CONFLICT"],
    [12, "STORE_CONFLICT"],
    [13, "STORE_UNAVAILABLE"],
    [14, "STORE_UNAVAILABLE"],
    [16, "STORE_DENIED"],
  ])("status %i is %s", async (status, code) => {
    const r = await rig();
    r.faults = {
      before: (_, request) => {
        throw new StatusError(status, `you sent ${REPLACEMENT} ${request.payload?.data.toString("utf8") ?? ""}`);
      },
    };
    const error = await failure(r.store.read(r.dest()));
    expect(error).toMatchObject({ code });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(REPLACEMENT.slice(20, 40));
  });

  it("status 5 while adding: the secret disappeared, STORE_MISSING", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "addSecretVersion", "app", () => void r.state.secrets.delete(named("app")));
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "STORE_MISSING" });
  });
});

describe("every call is bounded", () => {
  it("a server that never answers: one try, then STORE_UNAVAILABLE", async () => {
    const r = await rig();
    const store = await r.open({ timeoutMs: 200 });
    r.faults = { before: () => new Promise<void>(() => {}) };
    const started = performance.now();
    expect(await failure(store.read(r.dest()))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(r.calls).toEqual(["accessSecretVersion app"]);
  });

  it("UNAVAILABLE on a read is tried once more, on a write not at all", async () => {
    const r = await rig();
    const blip = () => {
      throw new StatusError(CODE.UNAVAILABLE, "blip");
    };
    r.faults = once("before", "accessSecretVersion", "app", blip);
    expect(await r.store.read(r.dest())).toMatchObject({ version: "1" });
    r.faults = once("before", "addSecretVersion", "app-keyturn-pending", blip);
    r.calls.length = 0;
    expect(await failure(r.store.stage(r.dest(), secret(REPLACEMENT), R1))).toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    expect(r.calls.filter((call) => call.startsWith("add"))).toHaveLength(1);
  });

  it("a server that stays unavailable is not asked for 600 s, as the SDK would: two tries and an error", async () => {
    const r = await rig();
    r.faults = down;
    expect(await failure(r.store.read(r.dest()))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(r.calls).toEqual(["accessSecretVersion app", "accessSecretVersion app"]);
  });

  it("nothing listens there: STORE_UNAVAILABLE", async () => {
    const r = await rig();
    const store = await r.open({ endpoint: "127.0.0.1:1", timeoutMs: 500 });
    expect(await failure(store.read(r.dest()))).toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describe("preflight (R12)", () => {
  it.each([
    { lacking: "secretmanager.versions.add" },
    { lacking: "secretmanager.secrets.update" },
    { lacking: "secretmanager.versions.destroy" },
  ])("a missing $lacking is refused by name", async ({ lacking }) => {
    const r = await rig();
    r.state.lacking.add(lacking);
    const error = await failure(r.store.preflight(r.dest()));
    expect(error).toMatchObject({ code: "STORE_DENIED" });
    expect(error.message).toContain(lacking);
  });

  it("where permissions cannot be asked for, an empty marker is written and destroyed; crashed ones are swept", async () => {
    const r = await rig();
    r.state.iam = false;
    r.faults = once("after", "addSecretVersion", "app-keyturn-pending", () => Promise.reject(new Error("crash")));
    await failure(r.store.preflight(r.dest()));
    await r.store.preflight(r.dest());
    expect(r.payloads("app-keyturn-pending")).toEqual([null, null]);
    expect(r.payloads("app")).toHaveLength(1);
  });

  it.each([
    { what: "the field is missing", doc: print({ OTHER: "x" }), code: "STORE_MISSING" },
    { what: "the field is empty", doc: print({ [FIELD]: "" }), code: "STORE_MISSING" },
    { what: "the payload is no JSON", doc: "text", code: "STORE_CONFLICT" },
  ])("$what: $code", async ({ doc, code }) => {
    const r = await rig(doc);
    expect(await failure(r.store.preflight(r.dest()))).toMatchObject({ code });
  });
});

describe("names and options", () => {
  it.each(["a/b", "a/../b", "", "ä", "app-keyturn-pending", "x".repeat(240), "latest?x"])(
    "%j cannot be a destination and reaches no server",
    async (name) => {
      const r = await rig();
      expect(await failure(r.store.read(r.dest(name)))).toMatchObject({ code: "CONFIG_INVALID" });
      expect(await failure(r.store.mark(r.dest(name), { phase: "stage" }))).toMatchObject({ code: "CONFIG_INVALID" });
      expect(r.calls).toEqual([]);
    },
  );

  it.each([
    { options: { project: "my-project-1" }, ok: true },
    { options: { project: "123456789012" }, ok: true },
    { options: { project: "example.com:proj-1", companion: "create" }, ok: true },
    { options: { project: "my-project-1", endpoint: "localhost:9090", insecure: true }, ok: true },
    { options: { project: "my-project-1", insecure: true }, ok: false },
    { options: { project: "my-project-1", endpoint: "http://localhost:9090" }, ok: false },
    { options: { project: "a/b/c/d/e" }, ok: false },
    { options: {}, ok: false },
  ])("options $options: $ok", ({ options, ok }) => {
    expect(googleSecretManagerOptions.safeParse(options).success).toBe(ok);
  });

  it("the SDK is loaded by opening the store, not by listing the stores", () => {
    const script = `
      const { createRequire } = await import("node:module");
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((f) => f.includes("google-gax"));
      const { STORES } = await import(${JSON.stringify(new URL("../../../src/stores/index.ts", import.meta.url).href)});
      const before = loaded();
      const store = await STORES["google-secret-manager"].open({ project: "my-project-1", endpoint: "localhost:1", insecure: true }, "x");
      console.log(before, loaded());
      await store.close();`;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(run.stdout.trim()).toBe("false true");
  });

  it("the location tells projects and endpoints apart (R15)", () => {
    const kind = STORES["google-secret-manager"]!;
    expect(kind.location({ project: "my-project-1" })).toEqual({ project: "my-project-1" });
    expect(kind.location({ project: "my-project-1", endpoint: "h:1" })).toEqual({
      project: "my-project-1",
      endpoint: "h:1",
    });
  });

  it.each([
    ["", 0],
    ["123456789", 0xe3069283], // the check value of the algorithm
    [Buffer.alloc(32), 0x8a9136aa], // RFC 3720 B.4
    [Buffer.alloc(32, 0xff), 0x62a8ab43], // RFC 3720 B.4
  ])("CRC-32C of %j is %i", (data, crc) => expect(crc32c(Buffer.from(data as string))).toBe(crc));
});
