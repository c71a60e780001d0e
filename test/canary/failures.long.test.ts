import { mkdir, rename, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeAdminKey, makeKey, makeOauthToken } from "../support/keys.ts";
import { POLICY } from "../e2e/installation.ts";
import { type Watched, watched } from "./watched.ts";

/** P3: no key text, whole or part beyond the hint, in anything that leaves the process. */
let at: Watched;
beforeEach(async () => {
  at = await watched(POLICY);
  await at.target("billing", 100);
});
afterEach(() => at.close());

const DESTINATION = "billing.env";
const COMPANION = ".billing.env.keyturn-pending";
const OPEN = [DESTINATION, COMPANION];

async function opened(): Promise<string> {
  await at.run(0, ["rotate", "billing"]);
  await at.run(0, ["approve", "billing"]);
  return (await at.show("billing")).id;
}

describe("P3: failures", () => {
  it.each([
    { kind: "html" as const },
    { kind: "truncated" as const },
    { kind: "reset" as const },
    { kind: "success_then_timeout" as const },
    { kind: "status" as const, status: 400, message: "echo" },
    { kind: "status" as const, status: 401, message: "echo" },
  ])("of every call while a key is submitted and promoted: $kind $status", async (given) => {
    const id = await opened();
    const replacement = await at.make("replacement");
    // A careless proxy: its answer quotes the credential.
    const fault =
      "message" in given
        ? { ...given, message: `invalid x-api-key ${replacement.text} ${at.sandbox.adminKey}` }
        : given;
    const disturb = async () => {
      for (const match of [
        { path: "^/v1/models" },
        { path: "^/v1/messages" },
        { path: "^/v1/organizations", method: "GET" },
        { path: "^/v1/organizations", method: "POST" },
      ]) {
        await at.console.addFault({ match, times: 2, fault });
      }
    };
    await disturb();
    await Promise.all([at.start(["submit", id, "--json"], replacement.text).ended, at.start(["scan", "--json"]).ended]);
    await at.console.clearFaults();
    await at.run(0, ["submit", id], replacement.text);
    await disturb();
    const ran = at.start(["run-once", "--json"]);
    await Promise.race([ran.ended, pause(6000)]);
    ran.process.kill("SIGKILL");
    await ran.ended;
    expect(await at.findings(OPEN)).toEqual([]);
  });

  it("of the store: the pending place, the destination, somebody else's values", async () => {
    const id = await opened();
    const replacement = await at.make("replacement");
    const companion = join(at.dir, COMPANION);
    await mkdir(companion);
    await at.run(1, ["submit", id, "--json"], replacement.text);
    await rmdir(companion);
    await rename(join(at.dir, DESTINATION), join(at.dir, "moved.env"));
    expect((await at.start(["submit", id], replacement.text).ended).code).not.toBe(0);
    await at.start(["run-once"]).ended;
    await rename(join(at.dir, "moved.env"), join(at.dir, DESTINATION));
    await at.run(0, ["submit", id], replacement.text);
    const pasted = at.watch("pasted by somebody", makeKey("pasted"));
    await at.setValue("billing", pasted);
    await at.start(["run-once"]).ended;
    await at.start(["scan"]).ended;
    await at.start(["show", id]).ended;
    expect(await at.findings([...OPEN, "moved.env"])).toEqual([]);
  });

  it("in values that a scan finds: unknown, malformed, quoted, an Admin key, no key at all", async () => {
    for (const [i, text] of [
      makeKey("a"),
      `${makeKey("b")}x y`,
      `"${makeKey("c")}"`,
      makeAdminKey("d"),
      makeOauthToken("e"),
      makeKey("f").slice(5),
    ].entries()) {
      at.watch(`value ${i}`, text.replaceAll('"', ""));
      await at.setValue("billing", text);
      const ran = await at.run(0, ["scan", "--json"]);
      expect((JSON.parse(ran.stdout) as { problems: unknown[] }).problems).not.toEqual([]);
      await Promise.all(
        [
          ["scan", "--dry-run", "--strict"],
          ["rotate", "billing"],
          ["revoke", "billing", "--json"],
        ].map((args) => at.start(args).ended),
      );
    }
    expect(await at.findings([DESTINATION])).toEqual([]);
  });

  it("with a key that an operator staged by hand, good or not", async () => {
    const id = await opened();
    const bad = at.watch("staged, unknown", makeKey("staged"));
    await writeFile(join(at.dir, COMPANION), `ANTHROPIC_API_KEY=${bad}\n`, { mode: 0o600 });
    await at.until(id, "pending_refused");
    expect(await at.findings(OPEN)).toEqual([]);
    const good = await at.make("staged, good");
    await writeFile(join(at.dir, COMPANION), `ANTHROPIC_API_KEY=${good.text}\n`, { mode: 0o600 });
    await at.run(0, ["retry", id]);
    await at.until(id, "grace_period");
    expect(await at.value("billing")).toBe(good.text);
    expect(await at.findings(OPEN)).toEqual([]);
  });

  it("with revoke, and the whole way after it", async () => {
    await at.run(0, ["revoke", "billing"]);
    await at.until("billing", "awaiting_replacement");
    const { id } = await at.show("billing");
    const replacement = await at.make("replacement");
    await at.run(0, ["submit", id], replacement.text);
    await at.until(id, "grace_period");
    await at.run(0, ["revoke", replacement.id]);
    await at.until("billing", "awaiting_replacement");
    expect(await at.findings(OPEN)).toEqual([]);
  });

  it("killed while it waits for an answer, wherever it asks with a key", async () => {
    const id = await opened();
    const first = await at.make("submitted and killed");
    const killedAt = async (match: { path: string; method?: string }, args: string[], stdin = "") => {
      const gate = await at.console.addFault({ match, times: null, fault: { kind: "gate" } });
      const victim = at.start(args, stdin);
      await at.console.untilFaultHits(gate, 1, 20_000);
      victim.process.kill("SIGKILL");
      await victim.ended;
      await at.console.removeFault(gate);
    };
    await killedAt({ path: "^/v1/models" }, ["submit", id], first.text);
    expect(await at.findings([DESTINATION])).toEqual([]);
    // The dead process still has the lease on the intake; another rotation begins without one.
    await at.run(0, ["cancel", id]);
    await at.until(id, "cancelled");
    const again = await opened();
    const replacement = await at.make("replacement");
    await at.run(0, ["submit", again], replacement.text);
    for (const match of [
      { path: "^/v1/models" },
      { path: "^/v1/messages" },
      { path: "^/v1/organizations/api_keys", method: "POST" },
    ]) {
      await killedAt(match, ["run-once"]);
      expect(await at.findings(OPEN)).toEqual([]);
    }
    await at.until(again, "grace_period");
    expect(await at.value("billing")).toBe(replacement.text);
    expect(await at.findings(OPEN)).toEqual([]);
  });
});
