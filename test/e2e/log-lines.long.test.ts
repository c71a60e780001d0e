import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { STATES } from "../../src/rotation/states.ts";
import { type Spawned, spawnKeyturn } from "../support/cli.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 60_000;
/** Of these only the id is known, as docs/logs.md says. */
const ID_ALONE = [
  "click.refused",
  "desk.failed",
  "desk.not_saved",
  "slack.form_failed",
  "worker.failed",
  "marks.unwritable",
];
const FIRST_FIELDS = ["level", "time", "service", "version", "event"];

let redis: RedisServer;
let at: Installation;
let server: Spawned;
let id: string;
let keys: string[];
let lines: string[];
beforeAll(async () => {
  // Commands of this process write their audit entries too.
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  redis = await startRedisServer();
  at = await install(redis, {
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    policy: { ...POLICY, gracePeriod: "1s" },
  });
  await at.configure({ audit: { file: at.auditFile, log: true } });
  const outgoing = await at.target("billing", 100);
  server = spawnKeyturn(["serve", "--config", at.configFile], { env: { KEYTURN_LOG_LEVEL: "debug" } });
  await eventually(async () => (await at.run("show", "billing")).code === 0, PATIENCE_MS);
  await at.shown(0, "approve", "billing");
  const replacement = await at.submitNew("billing");
  // Two failed calls, so that there are lines about trouble too; at the latest those after the grace period meet them.
  await at.console.addFault({
    match: { path: "^/v1/organizations/api_keys/" },
    times: 2,
    fault: { kind: "status", status: 529 },
  });
  ({ id } = await at.shown(0, "show", "billing"));
  const waited = await at.run("wait", id, "--for", "completed", "--timeout", "90s");
  if (waited.code !== 0) throw new Error(`it did not end: ${waited.stdout}${server.stderr()}`);
  keys = [outgoing.text, replacement.text, at.sandbox.adminKey];
  server.process.kill("SIGTERM");
  lines = (await server.ended).stderr.trim().split("\n");
});
afterAll(async () => {
  server.process.kill("SIGKILL");
  await server.ended;
  await at.close();
  await redis.stop();
  vi.restoreAllMocks();
});
const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
const about = () => parsed().filter((line) => typeof line["rotation"] === "string");

describe("the log of a `serve` that carried a whole rotation out", () => {
  it("each line is one JSON object that says its level, time, service, version and event", () => {
    expect(lines.length).toBeGreaterThan(25);
    for (const line of parsed())
      for (const field of FIRST_FIELDS)
        expect([line["event"], field, typeof line[field]]).toEqual([line["event"], field, "string"]);
  });

  it("each line about a rotation says its id, target, step and attempt", () => {
    const full = about().filter((line) => !ID_ALONE.includes(String(line["event"])));
    // Entries of the audit log that belong to no change of a record have no step.
    const changes = full.filter(
      (line) => line["event"] !== "audit" || (line["audit"] as { checkpoint?: unknown }).checkpoint !== undefined,
    );
    expect(changes.length).toBeGreaterThan(20);
    for (const line of changes) {
      expect([line["event"], line["rotation"], line["target"]]).toEqual([line["event"], id, "billing"]);
      expect(Object.keys(STATES)).toContain(line["step"]);
      expect(line["attempt"]).toBeGreaterThanOrEqual(1);
    }
  });

  it("what an adapter says during a step is about its rotation too", () => {
    const retried = parsed().filter((line) => line["event"] === "admin.retried");
    expect(retried.length).toBeGreaterThan(0);
    expect(retried.some((line) => line["rotation"] === id && typeof line["step"] === "string")).toBe(true);
  });

  it("each step has a line, and together they tell the way from the first state to the last", () => {
    const steps = about().filter((line) => line["event"] === "rotation.step");
    const moves = steps.filter((line) => line["outcome"] === "moved").map((line) => [line["from"], line["to"]]);
    for (const move of [
      ["verifying", "promoting"],
      ["promoting", "propagating"],
      ["propagating", "draining"],
      ["draining", "deactivating"],
      ["deactivating", "grace_period"],
      ["grace_period", "archiving"],
      ["archiving", "completed"],
    ])
      expect(moves).toContainEqual(move);
    for (const step of steps) expect(step["durationMs"]).toBeGreaterThanOrEqual(0);
  });

  it("every event is documented", () => {
    const documented = readFileSync("docs/logs.md", "utf8");
    const undocumented = new Set(
      parsed()
        .map((line) => String(line["event"]))
        .filter((event) => !documented.includes(`\`${event}\``) && !/^(rotation|schedule)\.[a-z_]+$/.test(event)),
    );
    expect([...undocumented]).toEqual([]);
  });

  it("P3: no line has a key, or its end", () => {
    const all = lines.join("\n");
    for (const key of keys) {
      expect(all).not.toContain(key);
      expect(all).not.toContain(key.slice(-16));
    }
  });
});
