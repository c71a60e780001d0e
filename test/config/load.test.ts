import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "../../config/load.ts";

const ADMIN = "anthropic: { adminKey: env:ADMIN }\n";

describe("which file is loaded", () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "keyturn-config-"));
    mkdirSync(join(cwd, "config"));
    for (const [file, install] of [
      ["flag.yaml", "from-flag"],
      ["env.yaml", "from-env"],
      ["config/keyturn.yaml", "from-default"],
    ] as const) {
      writeFileSync(join(cwd, file), `install: ${install}\n${ADMIN}`);
    }
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  it.each([
    { when: "--config wins", path: "flag.yaml", env: { KEYTURN_CONFIG: "env.yaml" }, install: "from-flag" },
    { when: "then KEYTURN_CONFIG", path: undefined, env: { KEYTURN_CONFIG: "env.yaml" }, install: "from-env" },
    { when: "an empty KEYTURN_CONFIG is none", path: undefined, env: { KEYTURN_CONFIG: "" }, install: "from-default" },
    { when: "then config/keyturn.yaml", path: undefined, env: {}, install: "from-default" },
  ])("$when", ({ path, env, install }) => expect(loadConfig({ path, env, cwd }).config.install).toBe(install));

  it("tells the file, the hash of its content and when it was changed", () => {
    const file = join(cwd, "flag.yaml");
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const loaded = loadConfig({ path: file, env: {}, cwd });
    expect(loaded).toMatchObject({
      file,
      hash: createHash("sha256").update(readFileSync(file)).digest("hex"),
      mtimeMs: 1_700_000_000_000,
    });
    expect(loaded.settings.configFile).toBe(file);
  });

  it("a missing file names the example, or the option that named it; exit 78", () => {
    rmSync(join(cwd, "config/keyturn.yaml"));
    expect(() => loadConfig({ env: {}, cwd })).toThrow(
      expect.objectContaining({
        exit: 78,
        message: expect.stringContaining("config/keyturn.yaml  does not exist"),
        next: "Copy config/keyturn.example.yaml to config/keyturn.yaml, or name another file with --config or KEYTURN_CONFIG.",
      }),
    );
    expect(() => loadConfig({ path: "nowhere.yaml", env: {}, cwd })).toThrow(
      expect.objectContaining({ exit: 78, next: "Check the path given with --config or KEYTURN_CONFIG." }),
    );
  });

  it("a folder, and a file far too large, are refused", () => {
    expect(() => loadConfig({ path: "config", env: {}, cwd })).toThrow("cannot be read (EISDIR)");
    writeFileSync(join(cwd, "big.yaml"), `# ${"x".repeat(1024 * 1024)}\n${ADMIN}`);
    expect(() => loadConfig({ path: "big.yaml", env: {}, cwd })).toThrow("is larger than 1 MB");
  });
});

describe("the content of the file", () => {
  it("the example loads, without a warning, and shows only defaults outside stores, targets and audit.file", () => {
    const { config, warnings } = loadConfig({ path: "config/keyturn.example.yaml", env: {} });
    expect(warnings).toEqual([]);
    const { stores, targets, audit, approvers, ...rest } = config;
    expect(Object.keys(stores)).toEqual(["prod"]);
    expect(Object.keys(targets)).toEqual(["billing-worker"]);
    expect(audit).toEqual({ file: "./data/audit.jsonl", log: true });
    expect(approvers.cli).toEqual(["*"]);
    const plain = parseConfig("anthropic: { adminKey: env:ANTHROPIC_ADMIN_KEY }\n", "k.yaml");
    expect(rest).toEqual({ ...plain, stores: undefined, targets: undefined, audit: undefined, approvers: undefined });
  });

  it("everything but the Admin key has a default", () => {
    expect(parseConfig(ADMIN, "k.yaml")).toEqual({
      install: "keyturn",
      anthropic: {
        adminKey: "env:ADMIN",
        baseUrl: "https://api.anthropic.com",
        verifyModel: "claude-haiku-4-5",
        requestsPerMinute: 300,
      },
      redis: { url: "redis://localhost:6379" },
      schedule: { mode: "embedded", scan: "0 9 * * 1-5", timeZone: "UTC" },
      policy: {
        maxAge: 90 * 86_400_000,
        gracePeriod: 7 * 86_400_000,
        drain: { quietFor: 86_400_000, limit: 7 * 86_400_000, acceptNoUsageCheck: false },
        replacementWithin: 7 * 86_400_000,
        propagation: { limit: 3_600_000 },
        approval: { required: true, approvals: 1, expiresAfter: 3 * 86_400_000 },
        maxOpenRotations: 10,
      },
      stores: {},
      targets: {},
      rules: [],
      holds: [],
      approvers: { cli: [], fourEyes: false },
      webhooks: {},
      signIn: { sessionFor: 8 * 3_600_000 },
      api: { tokens: {} },
      audit: { log: true },
      http: { host: "127.0.0.1", port: 8080, metricsPort: 9090 },
    });
  });

  it.each([
    ["redis: { embedded: ./data/redis }", { embedded: "./data/redis" }],
    ["redis: { cluster: { nodes: ['a:1', 'b:2'] } }", { cluster: { nodes: ["a:1", "b:2"] } }],
    [
      "redis: { sentinels: { master: m, nodes: ['[::1]:1'] }, password: env:P, tls: true }",
      { sentinels: { master: "m", nodes: ["[::1]:1"] }, password: "env:P", tls: true },
    ],
    ["redis: { url: env:REDIS_URL, prefix: two }", { url: "env:REDIS_URL", prefix: "two" }],
    ["redis: { url: rediss://r:1, tls: { ca: ./ca.pem } }", { url: "rediss://r:1", tls: { ca: "./ca.pem" } }],
    ["redis: { prefix: two }", { url: "redis://localhost:6379", prefix: "two" }],
  ])("%s", (yaml, redis) => expect(parseConfig(`${ADMIN}${yaml}\n`, "k.yaml").redis).toEqual(redis));

  it("a key without a value means the same as no key", () => {
    const yaml = `${ADMIN}targets:\nholds:\npolicy:\n  drain:\n`;
    expect(parseConfig(yaml, "k.yaml")).toEqual(parseConfig(ADMIN, "k.yaml"));
  });

  it("anchors, aliases and merge keys work", () => {
    const yaml = [
      ADMIN,
      "stores: { f: { type: dotenv-file, directory: ./x } }",
      "targets:",
      "  a: { destinations: [{ &where store: f, secret: one.env }], policy: &short { maxAge: 30d } }",
      "  b: { destinations: [{ store: f, secret: two.env }], policy: { <<: *short, gracePeriod: 2d } }",
    ]
      .join("\n")
      .replace("&where ", "");
    expect(parseConfig(yaml, "k.yaml").targets["b"]?.policy).toEqual({
      maxAge: 2_592_000_000,
      gracePeriod: 172_800_000,
    });
  });

  it("a file that expands without end is refused", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}]`,
    );
    expect(() => parseConfig(`l0: &l0 [x]\n${levels.join("\n")}\n`, "k.yaml")).toThrow("too many aliases");
  });
});
