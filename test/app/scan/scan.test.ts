import { beforeEach, describe, expect, it, vi } from "vitest";
import { approve } from "../../../src/app/approve.ts";
import { rotate } from "../../../src/app/rotate.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { type SecretText, hintOf } from "../../../src/rotation/secret.ts";
import { DAY, aDestination } from "../../support/records.ts";
import { aPolicy } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

let world: World;
beforeEach(() => {
  world = makeWorld();
});
const full = () => scan(world.deps, { dryRun: false });
const dry = () => scan(world.deps, { dryRun: true });
const codes = async () => (await dry()).problems.map((p) => p.code);

describe("what a scan reports", () => {
  it("is the documented document", async () => {
    const billing = world.org.addKey({ name: "billing-key", ageDays: 120 });
    world.setTarget("billing", billing);
    world.setTarget("nothing", null);
    const stray = world.org.addKey({ name: "stray", ageDays: 3.9 });
    const result = await full();
    expect(result).toEqual({
      schema: 1,
      targets: [
        {
          name: "billing",
          keyId: billing.id,
          keyHint: hintOf(billing.text),
          ageDays: 120,
          due: true,
          reason: "age",
          message: "120 days old; the limit is 90 days",
        },
        {
          name: "nothing",
          keyId: null,
          keyHint: null,
          ageDays: null,
          due: false,
          reason: "problem",
          message: "files:nothing.env#ANTHROPIC_API_KEY does not exist or its field is empty",
        },
      ],
      opened: ["rot_0001"],
      rebuilt: [],
      unmanaged: [{ keyId: stray.id, name: "stray", ageDays: 3 }],
      problems: [
        {
          code: "destination_missing",
          target: "nothing",
          message: "files:nothing.env#ANTHROPIC_API_KEY does not exist or its field is empty",
        },
      ],
    });
    expect(JSON.stringify(result)).not.toContain(billing.text.slice(17, 60));
  });
  it("opens a rotation that waits for approval, with the plan, the key and its owner on record", async () => {
    const billing = world.org.addKey({ name: "billing-key", ageDays: 90 });
    world.setTarget("billing", billing);
    await full();
    expect(await world.rotation("rot_0001")).toMatchObject({
      state: "awaiting_approval",
      target: "billing",
      reason: "age",
      outgoing: { id: billing.id, organizationId: "org", workspaceId: "wrkspc_1" },
      approvals: [],
    });
    expect(world.marks("billing.env")).toMatchObject({
      install: "keyturn",
      rotation: "rot_0001",
      phase: "claim",
      outgoing: billing.id,
    });
    expect(world.audit.actions()).toContain("rotation.opened");
    expect(world.woken).toContain("rot_0001");
  });
  it("a second scan opens nothing again and says why", async () => {
    world.setTarget("billing", world.org.addKey({ name: "k", ageDays: 90 }));
    await full();
    const again = await full();
    expect(again.opened).toEqual([]);
    expect(again.targets[0]).toMatchObject({
      due: true,
      reason: "age",
      message: "90 days old; the limit is 90 days; rotation rot_0001 is open",
    });
    expect(again.problems).toEqual([]);
  });
  it("a key that is young enough is not due while a rotation that a person asked for is open", async () => {
    world.setTarget("billing", world.org.addKey({ name: "k", ageDays: 10 }));
    await rotate(world.deps, "billing", { name: "cli:ana@laptop", via: "cli" }, null);
    expect((await dry()).targets[0]).toMatchObject({
      due: false,
      reason: "rotation_open",
      message: "rotation rot_0001 is open",
    });
  });
  it("unmanaged keys are active ones that no target and no open rotation holds", async () => {
    world.setTarget("billing", world.org.addKey({ name: "held", ageDays: 90 }));
    world.org.addKey({ name: "inactive", status: "inactive" });
    world.org.addKey({ name: "archived", status: "archived" });
    world.org.addKey({ name: "hidden", hint: null });
    await full();
    expect((await dry()).unmanaged.map((k) => k.name)).toEqual(["hidden"]);
  });
  it("the replacement of an open rotation is not unmanaged, although no destination holds it yet", async () => {
    world.setTarget("billing", world.org.addKey({ name: "held", ageDays: 90 }));
    await full();
    const by = { name: "cli:ana@laptop", via: "cli" } as const;
    await approve(world.deps, "rot_0001", { actor: by, breakGlass: null });
    await world.work();
    const { text } = world.org.addKey({ name: "new" });
    await submit(world.deps, "rot_0001", text, by, { replace: false, keyId: null, acceptExpiry: false });
    expect((await dry()).unmanaged).toEqual([]);
  });
  it("a key that only key.id binds is not unmanaged", async () => {
    const hidden = world.org.addKey({ name: "hidden", hint: null });
    world.setTarget("billing", hidden, { keyId: hidden.id });
    expect(await dry()).toMatchObject({
      unmanaged: [],
      problems: [],
      targets: [{ keyId: hidden.id, reason: "not_due" }],
    });
  });
  it("says of a held target that nothing destructive will happen, and proposes it all the same", async () => {
    world.setTarget("billing", world.org.addKey({ name: "k", ageDays: 90 }));
    world.settings.holds.push("billing");
    const { opened, targets } = await full();
    expect(opened).toHaveLength(1);
    expect(targets[0]?.message).toContain("held (billing): nothing destructive will happen");
  });
  it("tells how many keys it has read", async () => {
    world.org.pageSize = 2;
    for (let n = 0; n < 5; n++) world.org.addKey({ name: `k${n}` });
    const told: number[] = [];
    await scan(world.deps, { dryRun: true, onProgress: (n) => told.push(n) });
    expect(told).toEqual([2, 4, 5]);
  });
  it("notes the keys in use, their statuses and its own success", async () => {
    const k = world.org.addKey({ name: "k" });
    world.setTarget("billing", k);
    await full();
    expect(Object.values(world.redis.state.fingerprints)).toEqual(["billing"]);
    expect(world.redis.state.statuses).toEqual({ [k.id]: "active" });
    expect(world.redis.state.lastScan).toBe(world.clock.now());
  });
});

describe("a dry run", () => {
  it("writes nothing, whatever there is to do", async () => {
    const due = world.org.addKey({ name: "due", ageDays: 100 });
    world.setTarget("billing", due);
    await full();
    delete world.store.secrets.get("billing.env")?.marks["rotation"];
    world.store.secrets
      .get("billing.env")
      ?.pending.set("rot_old.ANTHROPIC_API_KEY", { value: due.text, base: "", at: 0 });
    world.setTarget("reports", world.org.addKey({ name: "due-too", ageDays: 100 }));
    world.setTarget("leaked", world.org.addKey({ name: "leaked", status: "inactive" }));
    world.redis.restore();
    world.writes.length = 0;
    const audited = world.audit.sink.length;
    const { targets, opened } = await dry();
    expect(world.writes).toEqual([]);
    expect(world.audit.sink).toHaveLength(audited);
    expect(opened).toEqual([]);
    expect(targets.map((t) => t.due)).toEqual([true, true, true]);
    expect(world.org.liveCalls).toHaveLength(1);
  });
  it("takes no lease, so it may run beside a scan", async () => {
    await world.deps.leases.acquire("scan", 60_000);
    await expect(full()).rejects.toMatchObject({ code: "LOCK_HELD", exit: 75 });
    expect(await dry()).toMatchObject({ schema: 1 });
  });
  it("says who would be left out by the limit", async () => {
    world = makeWorld({ settings: { maxOpenRotations: 1 } });
    world.setTarget("younger", world.org.addKey({ name: "a", ageDays: 91 }));
    world.setTarget("older", world.org.addKey({ name: "b", ageDays: 200 }));
    expect((await dry()).targets.map((t) => [t.name, t.due, t.reason])).toEqual([
      ["younger", false, "limit_reached"],
      ["older", true, "age"],
    ]);
  });
});

describe("when something does not answer", () => {
  it("an Admin API that fails in the middle fails the scan: no conclusions from half a list, nothing opened", async () => {
    world.org.pageSize = 1;
    world.setTarget("billing", world.org.addKey({ name: "a", ageDays: 100 }));
    world.org.addKey({ name: "b" });
    world.org.failsAfterPages = 1;
    await expect(full()).rejects.toMatchObject({ code: "ADMIN_UNAVAILABLE", exit: 69 });
    expect(await world.open()).toEqual([]);
    expect(world.redis.state.lastScan).toBeNull();
  });
  it("the lease is given back after a failure", async () => {
    world.org.failsAfterPages = 0;
    await expect(full()).rejects.toThrow(KeyturnError);
    world.org.failsAfterPages = null;
    expect(await full()).toMatchObject({ schema: 1 });
  });
  it.each([
    ["STORE_UNAVAILABLE", "store_unavailable"],
    ["STORE_DENIED", "store_denied"],
    ["STORE_MISSING", "destination_missing"],
  ] as const)(
    "a destination that answers %s is the problem %s of its target; the others go on",
    async (error, problem) => {
      world.setTarget("down", world.org.addKey({ name: "a", ageDays: 100 }));
      world.setTarget("billing", world.org.addKey({ name: "b", ageDays: 100 }));
      world.store.fail = (_call, dest) => {
        if (dest.secret === "down.env") throw new KeyturnError(error);
      };
      const { problems, opened } = await full();
      expect(problems.map((p) => [p.code, p.target])).toEqual([[problem, "down"]]);
      expect(opened).toHaveLength(1);
    },
  );
  it("values are wiped when the scan ends, also by an error", async () => {
    world.setTarget("billing", world.org.addKey({ name: "a" }));
    const values: SecretText[] = [];
    const read = world.store.read.bind(world.store);
    world.store.read = async (dest) => {
      const found = await read(dest);
      if (found !== null) values.push(found.value);
      return found;
    };
    await dry();
    world.org.failsAfterPages = 0;
    await expect(dry()).rejects.toThrow(KeyturnError);
    expect(values).toHaveLength(2);
    for (const value of values) expect(value.use((t) => t)).toMatch(/^\0+$/);
  });
});

describe("what is due", () => {
  it("R23: a scan that lost its lease to another opens nothing more", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    for (const name of ["a", "b"]) world.setTarget(name, world.org.addKey({ name, ageDays: 100 }));
    world.store.after = (call) => {
      if (call !== "preflight") return;
      world.redis.state.leases.set("scan", { token: 99, until: world.clock.now() + 60_000 });
      vi.advanceTimersByTime(20_000);
    };
    await expect(full()).rejects.toMatchObject({ code: "LOCK_HELD" });
    vi.useRealTimers();
    expect(await world.open()).toHaveLength(1);
    expect(world.redis.state.leases.get("scan")?.token).toBe(99);
  });
  it("policy.maxOpenRotations counts those that wait for a person; the oldest keys go first", async () => {
    world = makeWorld({ settings: { maxOpenRotations: 2 } });
    for (const [name, ageDays] of [
      ["a", 91],
      ["b", 300],
      ["c", 200],
    ] as const)
      world.setTarget(name, world.org.addKey({ name, ageDays }));
    const { opened, targets } = await full();
    expect(await Promise.all(opened.map(async (id) => (await world.rotation(id)).target))).toEqual(["b", "c"]);
    expect(targets[0]).toMatchObject({ name: "a", due: false, reason: "limit_reached" });
    expect((await full()).opened).toEqual([]);
  });
  it("R5, R20: a key deactivated elsewhere is urgent: beyond the limit, before notBefore, although it is rejected", async () => {
    world = makeWorld({ settings: { maxOpenRotations: 0 } });
    world.setTarget("billing", world.org.addKey({ name: "a", status: "inactive" }));
    world.redis.state.aftermath.set("billing", {
      rotationId: "rot_x",
      state: "rejected",
      notBefore: world.clock.now() + DAY,
      failures: 1,
    });
    const { opened } = await full();
    expect(await world.rotation(opened[0] ?? "")).toMatchObject({
      reason: "deactivated_elsewhere",
      plan: { urgency: "urgent" },
    });
  });
  it("R20: a routine rotation that waits becomes urgent, and has to be approved as such", async () => {
    const k = world.org.addKey({ name: "a", ageDays: 100 });
    world.setTarget("billing", k);
    await full();
    const before = await world.rotation("rot_0001");
    world.org.change(k.id, { status: "inactive" });
    expect((await full()).opened).toEqual([]);
    const after = await world.rotation("rot_0001");
    expect(after).toMatchObject({
      state: "awaiting_approval",
      reason: "deactivated_elsewhere",
      plan: { urgency: "urgent" },
      approvals: [],
    });
    expect(after.planHash).not.toBe(before.planHash);
    await world.work();
    expect(await world.rotation("rot_0001")).toMatchObject({ planHash: after.planHash, state: "awaiting_approval" });
  });
  it.each([
    { when: "until notBefore", aftermath: { state: "rejected", notBefore: DAY, failures: 1 }, so: "not_before" },
    {
      when: "by itself after a rollback",
      aftermath: { state: "rolled_back", notBefore: null, failures: 1 },
      so: "not_before",
    },
    {
      when: "after three ends without completing",
      aftermath: { state: "expired", notBefore: null, failures: 3 },
      so: "problem",
    },
  ])("R20: is not proposed again $when", async ({ aftermath, so }) => {
    world.setTarget("billing", world.org.addKey({ name: "a", ageDays: 100 }));
    const notBefore = aftermath.notBefore === null ? null : world.clock.now() + aftermath.notBefore;
    world.redis.state.aftermath.set("billing", { ...aftermath, rotationId: "rot_x", notBefore });
    const { opened, targets, problems } = await full();
    expect(opened).toEqual([]);
    expect(targets[0]?.reason).toBe(so);
    expect(problems.map((p) => p.code)).toEqual(so === "problem" ? ["gives_up"] : []);
  });
});

describe("R11, R12, R23: before a rotation opens", () => {
  beforeEach(() => {
    world.setTarget("billing", world.org.addKey({ id: "apikey_k", name: "k", ageDays: 100 }));
  });
  const refusedWith = async () => {
    const { opened, problems, targets } = await full();
    expect(opened).toEqual([]);
    expect(targets[0]).toMatchObject({ due: false, reason: "problem" });
    return problems.map((p) => [p.code, p.target]);
  };
  it("the value must answer: one that the API rejects is a problem", async () => {
    world.org.answers.set("apikey_k", { verdict: "rejected", status: 401 });
    expect(await refusedWith()).toEqual([["value_rejected", "billing"]]);
  });
  it.each([
    { verdict: "not_permitted", status: 403 },
    {
      verdict: "inconclusive",
      cause: "529",
      authenticated: false,
      organizationId: null,
      workspaceId: null,
      retryAfterMs: null,
    },
  ] as const)("P12: doubt is not an answer ($verdict)", async (answer) => {
    world.org.answers.set("apikey_k", answer);
    expect(await refusedWith()).toEqual([["verification_inconclusive", "billing"]]);
  });
  it("a limit that knows the key is an answer", async () => {
    world.org.answers.set("apikey_k", {
      verdict: "inconclusive",
      cause: "429",
      authenticated: true,
      organizationId: "org",
      workspaceId: "wrkspc_1",
      retryAfterMs: 1,
    });
    expect((await full()).opened).toHaveLength(1);
  });
  it("each destination must take what a rotation needs", async () => {
    world.store.fail = (call) => {
      if (call === "preflight") throw new KeyturnError("STORE_DENIED", "secretsmanager:PutSecretValue");
    };
    expect(await refusedWith()).toEqual([["preflight_failed", "billing"]]);
    expect(world.marks("billing.env")).toEqual({});
  });
  it("no other installation may have an open rotation there", async () => {
    await world.store.mark(aDestination("billing.env"), { install: "staging", rotation: "rot_theirs" });
    expect(await refusedWith()).toEqual([["managed_elsewhere", "billing"]]);
    expect(world.marks("billing.env")).toEqual({ install: "staging", rotation: "rot_theirs" });
  });
  it("what another installation left after its end is no obstacle", async () => {
    await world.store.mark(aDestination("billing.env"), { install: "staging", replacement: "apikey_k" });
    expect((await full()).opened).toHaveLength(1);
  });
});

describe("R1: a key in several targets", () => {
  it("is one rotation over all of them, due when the strictest says so", async () => {
    const shared = world.org.addKey({ name: "shared", ageDays: 40 });
    world.setTarget("reports", shared);
    world.setTarget("billing", shared, { policy: aPolicy({ maxAgeMs: 30 * DAY }) });
    const { opened, targets } = await full();
    expect(opened).toHaveLength(1);
    expect(await world.rotation("rot_0001")).toMatchObject({
      target: "billing",
      plan: { targets: ["billing", "reports"], destinations: [{ secret: "billing.env" }, { secret: "reports.env" }] },
    });
    expect(targets.map((t) => [t.name, t.due])).toEqual([
      ["reports", true],
      ["billing", true],
    ]);
    expect(targets[0]?.message).toContain("the key is shared with billing");
    expect([...world.redis.state.locks.keys()].toSorted()).toEqual([
      `key:${shared.id}`,
      "target:billing",
      "target:reports",
    ]);
    expect(world.marks("reports.env")).toMatchObject({ rotation: "rot_0001" });
  });
  it("waits for all of them: what holds one back holds all back", async () => {
    const shared = world.org.addKey({ name: "shared", ageDays: 100 });
    world.setTarget("reports", shared);
    world.setTarget("billing", shared);
    world.redis.state.aftermath.set("reports", {
      rotationId: "rot_x",
      state: "rejected",
      notBefore: world.clock.now() + DAY,
      failures: 1,
    });
    const { opened, targets } = await full();
    expect(opened).toEqual([]);
    expect(targets.map((t) => t.reason)).toEqual(["not_before", "not_before"]);
  });
  it("destinations of one target that hold different keys are a problem and no rotation", async () => {
    const k1 = world.org.addKey({ name: "eu", ageDays: 100 });
    const k9 = world.org.addKey({ name: "us", ageDays: 100 });
    world.setTarget("billing", k1, { destinations: [aDestination("eu.env"), aDestination("us.env")] });
    world.put(aDestination("us.env"), k9.text);
    expect(await full()).toMatchObject({
      opened: [],
      problems: [{ code: "destinations_disagree", target: "billing" }],
      unmanaged: [],
    });
  });
  it("two values that look like one key are a problem and no rotation", async () => {
    const hidden = world.org.addKey({ name: "hidden", hint: null, ageDays: 100 });
    const other = world.org.addKey({ name: "other", hint: null });
    world.setTarget("billing", hidden, { keyId: hidden.id });
    world.setTarget("reports", other, { keyId: hidden.id });
    expect((await full()).problems.map((p) => p.code)).toContain("destinations_disagree");
    expect(await world.open()).toEqual([]);
  });
});

it("a value that matches no key is a problem of its target", async () => {
  world.setTarget("billing", { id: "none", text: world.org.addKey({ name: "a", status: "archived" }).text });
  expect(await codes()).toEqual(["unknown_key"]);
});
