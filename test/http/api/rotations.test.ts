import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aRotation } from "../../support/records.ts";
import { DAY, NOON } from "../../support/records.ts";
import { makeKey } from "../../support/keys.ts";
import { type Api, anApi } from "./support.ts";

let api: Api;
beforeEach(async () => {
  api = await anApi();
});
afterEach(() => api.close());

/** A target whose key is due, and the rotation opened for it by the API. */
async function opened(name = "billing"): Promise<{ id: string; keyId: string; planHash: string }> {
  const key = api.world.org.addKey({ name: `${name}-key`, ageDays: 100 });
  api.world.setTarget(name, key);
  const reply = await api.call("POST", `/targets/${name}/rotate`, { body: { reason: "asked in a ticket" } });
  expect(reply.status).toBe(201);
  return { id: String(reply.json["id"]), keyId: key.id, planHash: String(reply.json["planHash"]) };
}
const events = async (id: string) => (await api.world.rotation(id)).history.map((h) => `${h.event} by ${h.actor}`);

describe("reading", () => {
  it("a rotation comes as `keyturn show --json` prints it", async () => {
    const { id, keyId } = await opened();
    const { status, json } = await api.call("GET", `/rotations/${id}`, { as: "reader" });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      schema: 1,
      id,
      target: "billing",
      state: "awaiting_approval",
      reason: "requested",
      outgoingKey: { id: keyId },
      history: [{ event: "opened", actor: "api:bot", via: "api" }],
    });
  });

  const save = async (n: number, more: Parameters<typeof aRotation>[0] = {}) =>
    api.world.redis.rotations.commit({
      record: aRotation({ id: `rot_${n}`, createdAt: NOON + n, ...more }),
      expectedRevision: 0,
      locks: [],
      audit: [],
    });
  const listed = async (query: string) => {
    const { json } = await api.call("GET", `/rotations${query}`, { as: "reader" });
    const page = json as unknown as { rotations: { id: string }[]; next: string | null };
    return { ids: page.rotations.map((r) => r.id), next: page.next };
  };

  it("the list shows open rotations, newest first; ended ones by state or with all=true", async () => {
    await save(1);
    await save(2, { state: "completed", endedAt: NOON });
    await save(3, { target: "reports", plan: { ...aRotation().plan, targets: ["reports"] } });
    expect(await listed("")).toEqual({ ids: ["rot_3", "rot_1"], next: null });
    expect((await listed("?all=true")).ids).toEqual(["rot_3", "rot_2", "rot_1"]);
    expect((await listed("?state=completed")).ids).toEqual(["rot_2"]);
    expect((await listed("?target=reports")).ids).toEqual(["rot_3"]);
    expect((await listed("?target=reports&state=completed")).ids).toEqual([]);
  });

  it("pages follow each other without gap or repetition, whatever is opened meanwhile", async () => {
    for (let n = 1; n <= 7; n++) await save(n, { createdAt: NOON + Math.floor(n / 3) });
    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; pages < 9; pages++) {
      const page = await listed(`?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...page.ids);
      if (page.next === null) break;
      cursor = page.next;
      await save(100 + pages);
    }
    expect(seen.toSorted()).toEqual(["rot_1", "rot_2", "rot_3", "rot_4", "rot_5", "rot_6", "rot_7"]);
  });

  it("an exact last page says that none follows", async () => {
    for (let n = 1; n <= 2; n++) await save(n);
    expect(await listed("?limit=2")).toEqual({ ids: ["rot_2", "rot_1"], next: null });
  });
});

describe("deciding", () => {
  it("approve counts for the named plan alone, and once", async () => {
    const { id, planHash } = await opened();
    const other = await api.call("POST", `/rotations/${id}/approve`, {
      as: "decider",
      body: { planHash: "0".repeat(64) },
    });
    expect([other.status, other.json.error?.code]).toEqual([409, "WRONG_STATE"]);
    for (let n = 0; n < 2; n++) {
      const { status, json } = await api.call("POST", `/rotations/${id}/approve`, {
        as: "decider",
        body: { planHash: planHash.slice(0, 16) },
      });
      expect([status, json["state"], json["approvals"]]).toEqual([
        200,
        "awaiting_replacement",
        [{ actor: "api:decider", via: "api", at: new Date(NOON).toISOString() }],
      ]);
    }
    expect(await events(id)).toEqual(["opened by api:bot", "approved by api:decider"]);
  });

  it("R21: a token is no proven person: where four eyes are asked for, its approval is not enough", async () => {
    api.world.settings.approvers.fourEyes = true;
    const { id } = await opened();
    const { json } = await api.call("POST", `/rotations/${id}/approve`);
    expect(json["state"]).toBe("awaiting_approval");
  });

  const until = new Date(NOON + 3 * DAY).toISOString();
  it.each([
    { act: "reject", body: { reason: "not now" }, state: "rejected" },
    { act: "snooze", body: { until }, state: "snoozed" },
    { act: "cancel", body: {}, state: "cancelled" },
    { act: "cancel", body: undefined, state: "cancelled" },
  ])("$act, and again as after a lost answer, is one decision", async ({ act, body, state }) => {
    const { id } = await opened();
    for (let n = 0; n < 2; n++) {
      const reply = await api.call("POST", `/rotations/${id}/${act}`, { as: "decider", body });
      expect([reply.status, reply.json["state"]]).toEqual([200, state]);
    }
    expect(await events(id)).toHaveLength(2);
  });

  it.each([
    { until: new Date(NOON - 1).toISOString(), status: 400 },
    { until: new Date(NOON + 31 * DAY).toISOString(), status: 400 },
    { until: "tomorrow", status: 400 },
    { until: "2026-11-25", status: 400 },
    { until: "2026-11-25T09:00:00+02:00", status: 200 },
  ])("snooze until $until: $status", async ({ until: given, status }) => {
    const { id } = await opened();
    expect((await api.call("POST", `/rotations/${id}/snooze`, { body: { until: given } })).status).toBe(status);
  });

  it("what is wrong is said in the words of a request, not of a command line", async () => {
    const { id } = await opened();
    const body = { until: new Date(NOON - 1).toISOString() };
    const { json } = await api.call("POST", `/rotations/${id}/snooze`, { body });
    expect(json.error?.message).toBe("The request is not right. `until` lies in the past.");
  });

  it("retry wakes the rotation and is on record", async () => {
    const { id } = await opened();
    expect((await api.call("POST", `/rotations/${id}/retry`, { as: "decider" })).status).toBe(200);
    expect(api.world.audit.sink.at(-1)).toMatchObject({ action: "rotation.retry", actor: "api:decider", via: "api" });
  });

  it("a target with an open rotation: 409 names it; an unknown one: 404", async () => {
    const { id } = await opened();
    const again = await api.call("POST", "/targets/billing/rotate");
    expect([again.status, again.json.error?.code]).toEqual([409, "LOCK_HELD"]);
    expect(again.json.error?.message).toContain(id);
    expect((await api.call("POST", "/targets/nothing/rotate")).status).toBe(404);
    expect((await api.call("GET", "/rotations/rot_nothing")).status).toBe(404);
    expect((await api.call("POST", "/rotations/rot_nothing/approve")).status).toBe(404);
  });
});

describe("emergencies", () => {
  it("a hold stands until it is lifted; both may be repeated", async () => {
    await opened();
    for (let n = 0; n < 2; n++) {
      const held = await api.call("POST", "/holds", { as: "pager", body: { subject: "billing" } });
      expect([held.status, held.json["held"]]).toEqual([200, true]);
    }
    expect(Object.keys(await api.world.deps.holds.list())).toEqual(["billing"]);
    const refused = await api.call("POST", "/revocations", { as: "pager", body: { subject: "billing" } });
    expect([refused.status, refused.json.error?.code]).toEqual([409, "HELD"]);
    for (let n = 0; n < 2; n++) {
      const lifted = await api.call("POST", "/holds/billing/lift", { as: "pager" });
      expect([lifted.status, lifted.json["held"]]).toEqual([200, false]);
    }
    expect(await api.world.deps.holds.list()).toEqual({});
  });

  it("revoke deactivates, reinstate brings back; each may be repeated", async () => {
    const { id, keyId } = await opened();
    for (let n = 0; n < 2; n++) {
      const { status, json } = await api.call("POST", "/revocations", { as: "pager", body: { subject: keyId } });
      expect(status).toBe(200);
      expect(json["message"]).toEqual(expect.stringContaining("deactivated") as string);
      await api.world.work();
    }
    expect(api.world.org.key(keyId).status).toBe("inactive");
    for (let n = 0; n < 2; n++) {
      const { status } = await api.call("POST", `/rotations/${id}/reinstate`, { as: "pager" });
      expect(status).toBe(200);
    }
    await api.world.work();
    expect(api.world.org.key(keyId).status).toBe("active");
    expect(await events(id)).toContain("revoke by api:pager");
  });

  it("a key of no target needs to be named as such", async () => {
    const key = api.world.org.addKey({ name: "stray" });
    const no = await api.call("POST", "/revocations", { body: { subject: key.id } });
    expect(no.status).toBe(409);
    const yes = await api.call("POST", "/revocations", { body: { subject: key.id, unmanaged: true } });
    expect([yes.status, (yes.json["rotation"] as { target: string | null }).target]).toEqual([200, null]);
    expect((await api.call("POST", "/revocations", { body: { subject: "apikey_nothing" } })).status).toBe(404);
  });

  it("P3: no answer holds key text", async () => {
    const key = api.world.org.addKey({ name: "billing-key", ageDays: 100 });
    api.world.setTarget("billing", key);
    const texts = [
      (await api.call("POST", "/targets/billing/rotate")).text,
      (await api.call("GET", "/rotations?all=true")).text,
      (await api.call("POST", "/holds", { body: { subject: key.id } })).text,
    ];
    for (const text of texts) expect(text).not.toContain(key.text.slice(20, 40));
    expect(makeKey("x")).not.toBe(key.text);
  });
});
