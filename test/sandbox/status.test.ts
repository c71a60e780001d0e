import { describe, expect, it } from "vitest";
import { DAY, KEYS, START, world } from "./support.ts";
import type { World } from "./support.ts";

type Status = "active" | "inactive" | "archived" | "expired";

/** A key that shows as `status`. */
async function keyIn(status: Status, { person }: World) {
  if (status === "expired") return person.seedKey({ name: "k", ageDays: 2, expiresInMs: DAY });
  return person.seedKey({ name: "k", ageDays: 2, status });
}

describe("a status change through the Admin API", () => {
  it.each<{ from: Status; to: "active" | "inactive" | "archived"; answer: 200 | 400 }>([
    { from: "active", to: "active", answer: 200 },
    { from: "active", to: "inactive", answer: 200 },
    { from: "active", to: "archived", answer: 200 },
    { from: "inactive", to: "active", answer: 200 },
    { from: "inactive", to: "inactive", answer: 200 },
    { from: "inactive", to: "archived", answer: 200 },
    { from: "archived", to: "active", answer: 400 },
    { from: "archived", to: "inactive", answer: 400 },
    { from: "archived", to: "archived", answer: 200 },
    { from: "expired", to: "active", answer: 400 },
    { from: "expired", to: "inactive", answer: 400 },
    { from: "expired", to: "archived", answer: 200 },
  ])("from $from to $to answers $answer and leaves the right status", async ({ from, to, answer }) => {
    const here = await world();
    const { key } = await keyIn(from, here);
    expect(key.status).toBe(from);
    const changed = await here.admin("POST", `${KEYS}/${key.id}`, { status: to });
    expect(changed.status).toBe(answer);
    const read = await here.admin("GET", `${KEYS}/${key.id}`);
    expect(read.body.status).toBe(answer === 200 ? to : from);
    expect(changed.body.error?.type).toBe(answer === 200 ? undefined : "invalid_request_error");
  });

  it.each([
    { what: "`expired` as a status", body: { status: "expired" } },
    { what: "a good name with a status that is not", body: { name: "other", status: "expired" } },
    { what: "an unknown field", body: { status: "inactive", expires_at: null } },
    { what: "an empty name", body: { status: "inactive", name: "" } },
    { what: "a name of 501 characters", body: { status: "inactive", name: "n".repeat(501) } },
    { what: "a body that is not JSON", body: "{" },
    { what: "a list", body: [] },
  ])("$what is refused with 400 and nothing of it is applied", async ({ body }) => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k" });
    expect((await here.admin("POST", `${KEYS}/${key.id}`, body)).status).toBe(400);
    expect((await here.admin("GET", `${KEYS}/${key.id}`)).body).toMatchObject({ name: "k", status: "active" });
  });

  it("nulls change nothing, a name of 500 characters is accepted, an unknown id is 404", async () => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k" });
    expect((await here.admin("POST", `${KEYS}/${key.id}`, { name: null, status: null })).body).toMatchObject({
      name: "k",
    });
    expect((await here.admin("POST", `${KEYS}/${key.id}`, { name: "n".repeat(500) })).status).toBe(200);
    expect((await here.admin("POST", `${KEYS}/apikey_01none`, { status: "inactive" })).status).toBe(404);
    expect((await here.admin("GET", `${KEYS}/%E0%A4%A`)).status).toBe(404);
  });

  it.each([
    { limit: { orgKeyLimit: 1 }, code: "org_api_key_limit_exceeded" },
    { limit: { workspaceKeyLimit: 1 }, code: "workspace_api_key_limit_exceeded" },
  ])("re-enabling at the cap is refused with $code until a slot is free", async ({ limit, code }) => {
    const here = await world();
    const outgoing = await here.person.seedKey({ name: "outgoing" });
    await here.person.disableKey(outgoing.key.id);
    const replacement = await here.person.seedKey({ name: "replacement" });
    await here.person.settings(limit);
    const refused = await here.admin("POST", `${KEYS}/${outgoing.key.id}`, { status: "active" });
    expect(refused).toMatchObject({ status: 400, body: { error: { details: { error_code: code } } } });
    await expect(here.person.createKey({ name: "third" })).rejects.toThrow("400");
    await here.person.deleteKey(replacement.key.id);
    expect((await here.admin("POST", `${KEYS}/${outgoing.key.id}`, { status: "active" })).status).toBe(200);
  });
});

describe("a status change without any call from us", () => {
  it("a key is expired at the instant of its expiry and answers 401 from then on", async () => {
    const here = await world();
    const { key, secret } = await here.person.createKey({ name: "short", expiresInMs: 60_000 });
    expect(await here.message(secret)).toBe(200);
    here.clock.at = START + 59_999;
    expect((await here.admin("GET", `${KEYS}/${key.id}`)).body.status).toBe("active");
    here.clock.at = START + 60_000;
    expect((await here.admin("GET", `${KEYS}/${key.id}`)).body.status).toBe("expired");
    expect(await here.message(secret)).toBe(401);
  });

  it("removing a user archives their personal keys and leaves the workspace keys they made", async () => {
    const here = await world();
    const user = await here.person.createUser({ email: "dev@example.com" });
    const [personal, made] = await here.person.seedKeys([
      { name: "personal", principal: { type: "user", id: user.id }, createdBy: user.id },
      { name: "made", createdBy: user.id },
    ]);
    await here.person.removeUser(user.id);
    const statuses = (await here.person.keys()).map(({ id, status }) => [id, status]);
    expect(Object.fromEntries(statuses)).toEqual({
      [personal?.key.id ?? ""]: "archived",
      [made?.key.id ?? ""]: "active",
    });
    expect((await here.admin("GET", `/v1/organizations/users/${user.id}`)).status).toBe(404);
  });

  it("archiving a workspace or a service account archives its keys for good", async () => {
    const here = await world();
    const workspace = await here.person.createWorkspace("Production");
    const account = await here.person.createServiceAccount({ name: "robot" });
    const made = await here.person.seedKeys([
      { name: "in workspace", workspaceId: workspace.id },
      { name: "of robot", principal: { type: "service_account", id: account.id } },
    ]);
    await here.person.archiveWorkspace(workspace.id);
    await here.person.archiveServiceAccount(account.id);
    for (const { key, secret } of made) {
      expect((await here.person.history(key.id)).key.status).toBe("archived");
      await expect(here.person.enableKey(key.id)).rejects.toThrow("400");
      expect(await here.message(secret)).toBe(401);
    }
  });

  it("the history tells who changed a key: a person, or which Admin key", async () => {
    const here = await world();
    const { key } = await here.person.createKey({ name: "k" });
    await here.admin("POST", `${KEYS}/${key.id}`, { status: "inactive" });
    await here.person.enableKey(key.id);
    await here.person.disableKey(key.id, "leak response");
    const by = (await here.person.history(key.id)).changes.map((change) => [change.status, change.by]);
    expect(by).toEqual([
      ["active", "console"],
      ["inactive", expect.stringMatching(/^apikey_01/)],
      ["active", "console"],
      ["inactive", "leak response"],
    ]);
  });
});
