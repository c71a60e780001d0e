import { describe, expect, it } from "vitest";
import { document } from "../support/cli.ts";
import { makeKey } from "../support/keys.ts";
import { bench, documents, runner, submitter } from "./bench.ts";

const at = bench();
const run = runner(at);
const json = documents(at);
const submit = submitter(at);

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const ROTATION = [
  "schema",
  "id",
  "install",
  "target",
  "state",
  "reason",
  "outgoingKey",
  "replacementKey",
  "needsAttention",
  "dueAt",
  "createdAt",
  "enteredAt",
  "history",
  "revision",
  "planHash",
  "plan",
  "expectedQuietMs",
  "approvals",
  "deadline",
  "holds",
  "notBefore",
  "rebuiltFrom",
  "note",
];

/** No key is absent, and every time is RFC 3339 in UTC. */
function expectRotation(view: Record<string, unknown>, more: readonly string[] = []): void {
  expect(Object.keys(view)).toEqual([...ROTATION, ...more]);
  expect(view["schema"]).toBe(1);
  for (const [name, value] of Object.entries(view)) expect([name, value === undefined]).toEqual([name, false]);
  for (const name of ["createdAt", "enteredAt"]) expect(view[name]).toMatch(INSTANT);
  for (const name of ["dueAt", "deadline", "notBefore"]) if (view[name] !== null) expect(view[name]).toMatch(INSTANT);
  for (const h of view["history"] as { at: string }[]) {
    expect(Object.keys(h)).toEqual(["at", "event", "actor", "via"]);
    expect(h.at).toMatch(INSTANT);
  }
  expect(Object.keys(view["outgoingKey"] as object)).toEqual(["id", "name", "hint"]);
}

describe("JSON documents (design section 7)", () => {
  it("a rotation, from every command that prints one", async () => {
    const opened = await json(0, "rotate", "billing");
    expectRotation(opened);
    expect(opened).toMatchObject({
      state: "awaiting_approval",
      reason: "requested",
      target: "billing",
      replacementKey: null,
      needsAttention: null,
      dueAt: null,
      approvals: [],
      holds: [],
      notBefore: null,
      revision: 1,
      outgoingKey: { id: at.outgoing.id, name: "billing-key" },
    });
    const approved = await json(0, "approve", "billing");
    expectRotation(approved);
    expect(approved["approvals"]).toEqual([
      { actor: expect.stringMatching(/^cli:/) as string, via: "cli", at: expect.stringMatching(INSTANT) as string },
    ]);
    const made = await at.lab.console.createKey({ name: "new" });
    const accepted = document(await submit(`${made.secret}\n`));
    expectRotation(accepted, ["accepted", "alreadyAccepted", "warnings"]);
    expect(accepted).toMatchObject({
      state: "verifying",
      accepted: true,
      alreadyAccepted: false,
      warnings: [],
      replacementKey: { id: made.key.id, name: "new" },
    });
    const again = await submit(made.secret);
    expect([again.code, document(again)["alreadyAccepted"]]).toEqual([0, true]);
    expectRotation(await json(0, "show", "billing"));
    expectRotation(await json(75, "wait", "billing", "--for", "completed", "--timeout", "1ms"));
    expectRotation(await json(0, "wait", "billing", "--for", "verifying,completed"));
    expectRotation(await json(0, "cancel", "billing"));
    const ended = await json(0, "revoke", "billing").catch(() => null);
    if (ended !== null) expectRotation(ended, ["message"]);
  });

  it("list: an array, empty or not; filters", async () => {
    expect(await json(0, "list")).toEqual([]);
    await json(0, "rotate", "billing");
    const all = (await json(0, "list")) as unknown as Record<string, unknown>[];
    expect(all).toHaveLength(1);
    expectRotation(all[0] as Record<string, unknown>);
    expect(await json(0, "list", "--target", "nobody")).toEqual([]);
    expect(await json(0, "list", "--state", "completed")).toEqual([]);
    await json(0, "reject", "billing");
    expect(await json(0, "list")).toEqual([]);
    expect(await json(0, "list", "--all")).toHaveLength(1);
    expect(await json(0, "list", "--state", "rejected")).toHaveLength(1);
  });

  it("scan: every key of every part, unknown is null", async () => {
    const { id: broken } = await at.lab.target("broken", 5);
    await at.lab.setValue("broken", makeKey("nowhere"));
    const loose = await at.lab.console.seedKey({ name: "loose", ageDays: 12.9 });
    const found = await json(0, "scan", "--dry-run");
    expect(Object.keys(found)).toEqual(["schema", "targets", "opened", "rebuilt", "unmanaged", "problems"]);
    expect(found).toMatchObject({ schema: 1, opened: [], rebuilt: [] });
    expect(found["unmanaged"]).toEqual([
      { keyId: loose.key.id, name: "loose", ageDays: 12 },
      { keyId: broken, name: "broken-key", ageDays: 5 },
    ]);
    expect(found["targets"]).toEqual([
      {
        name: "billing",
        keyId: at.outgoing.id,
        keyHint: expect.stringMatching(/^sk-ant-api03-...\.\.\.....$/) as string,
        ageDays: 100,
        due: true,
        reason: "age",
        message: expect.any(String) as string,
      },
      {
        name: "broken",
        keyId: null,
        keyHint: expect.any(String) as string,
        ageDays: null,
        due: false,
        reason: "problem",
        message: expect.any(String) as string,
      },
    ]);
    expect(found["problems"]).toEqual([
      { code: "unknown_key", target: "broken", message: expect.any(String) as string },
    ]);
    expect((await run("scan", "--dry-run", "--strict")).code).toBe(1);
  });

  it("the other commands: one document each, with schema 1", async () => {
    await json(0, "rotate", "billing");
    const rows: [string[], string[]][] = [
      [
        ["hold", "billing"],
        ["schema", "subject", "held", "marks"],
      ],
      [
        ["unhold", "billing"],
        ["schema", "subject", "held", "marks"],
      ],
      [["plan"], ["schema", "days", "due", "problems"]],
      [["report"], ["schema", "rotations", "auditHead"]],
      [
        ["config", "check"],
        ["schema", "file", "hash", "valid", "warnings"],
      ],
    ];
    for (const [words, keys] of rows) {
      const shown = await json(0, ...words);
      expect([words, Object.keys(shown), shown["schema"]]).toEqual([words, keys, 1]);
    }
    const verdict = await json(0, "audit", "verify");
    expect(verdict).toMatchObject({ schema: 1, intact: true });
    for (const line of (await run("audit", "export")).stdout.trim().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ hash: expect.any(String) as string });
  });
});
