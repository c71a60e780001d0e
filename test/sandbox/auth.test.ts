import { describe, expect, it } from "vitest";
import { makeKey } from "../support/keys.ts";
import { DAY, KEYS, PING, world } from "./support.ts";
import type { World } from "./support.ts";

describe("a key on a live call", () => {
  it.each<{ what: string; make: (here: World) => Promise<string>; status: number }>([
    { what: "active", make: async ({ person }) => (await person.seedKey({ name: "k" })).secret, status: 200 },
    {
      what: "inactive",
      make: async ({ person }) => (await person.seedKey({ name: "k", status: "inactive" })).secret,
      status: 401,
    },
    {
      what: "archived",
      make: async ({ person }) => (await person.seedKey({ name: "k", status: "archived" })).secret,
      status: 401,
    },
    {
      what: "expired",
      make: async ({ person }) => (await person.seedKey({ name: "k", ageDays: 2, expiresInMs: DAY })).secret,
      status: 401,
    },
    { what: "unknown", make: async () => makeKey("unknown"), status: 401 },
    { what: "an Admin key", make: async ({ sandbox }) => sandbox.adminKey, status: 403 },
  ])("that is $what answers $status on every inference endpoint", async ({ make, status }) => {
    const here = await world();
    const key = await make(here);
    const models = await here.call(key, "GET", "/v1/models?limit=1");
    expect(models.status).toBe(status);
    expect(await here.message(key)).toBe(status);
    expect((await here.call(key, "POST", "/v1/messages/count_tokens", PING)).status).toBe(status);
    expect(models.headers.get("request-id")).toMatch(/^req_01/);
    expect(models.headers.get("anthropic-organization-id")).toBe(status === 401 ? null : here.sandbox.organization.id);
    if (status === 401)
      expect(models.body).toMatchObject({ request_id: null, error: { type: "authentication_error" } });
  });

  it("works as x-api-key and as Bearer, not without either, and not without a known version", async () => {
    const here = await world();
    const { secret } = await here.person.seedKey({ name: "k" });
    const send = async (headers: Record<string, string>) =>
      (await fetch(`${here.sandbox.url}/v1/models`, { headers })).status;
    const version = { "anthropic-version": "2023-06-01" };
    expect(await send({ ...version, "x-api-key": secret })).toBe(200);
    expect(await send({ ...version, authorization: `Bearer ${secret}` })).toBe(200);
    expect(await send(version)).toBe(401);
    expect(await send({ "x-api-key": secret })).toBe(400);
    expect(await send({ "x-api-key": secret, "anthropic-version": "2024-01-01" })).toBe(400);
  });

  it("of a source that reports dead keys as 404 does so", async () => {
    const here = await world();
    const { secret } = await here.person.seedKey({ name: "k", status: "inactive" });
    await here.person.settings({ deadKeyStatus: 404 });
    expect((await here.call(secret, "GET", "/v1/models")).status).toBe(404);
  });
});

describe("an identity-linked key without a workspace", () => {
  it.each([
    { header: undefined, status: 400 },
    { header: "not a workspace", status: 400 },
    { header: "wrkspc_01unknown", status: 404 },
    { header: "default", status: 200 },
  ])("with anthropic-workspace-id $header answers $status", async ({ header, status }) => {
    const here = await world();
    const user = await here.person.createUser({ email: "dev@example.com" });
    const made = await here.person.createKey({
      name: "k",
      workspaceId: null,
      principal: { type: "user", id: user.id },
    });
    const { defaultWorkspaceId } = here.sandbox.organization;
    const named = header === "default" ? defaultWorkspaceId : header;
    const answer = await here.call(
      made.secret,
      "POST",
      "/v1/messages",
      PING,
      named === undefined ? {} : { "anthropic-workspace-id": named },
    );
    expect(answer.status).toBe(status);
    expect(answer.headers.get("anthropic-workspace-id")).toBe(status === 200 ? defaultWorkspaceId : null);
    expect(made.key).toMatchObject({
      scope: { type: "organization" },
      principal: { type: "user_actor", user_id: user.id },
    });
  });

  it("reaches the Admin API only when its account is an administrator", async () => {
    const here = await world();
    const [user, admin] = [
      await here.person.createUser({ email: "a@b" }),
      await here.person.createUser({ email: "c@d", role: "admin" }),
    ];
    for (const [id, status] of [
      [user.id, 403],
      [admin.id, 200],
    ] as const) {
      const { secret } = await here.person.createKey({ name: "k", workspaceId: null, principal: { type: "user", id } });
      expect((await here.call(secret, "GET", KEYS)).status).toBe(status);
    }
  });

  it("a key of one workspace may name its own and no other", async () => {
    const here = await world();
    const other = await here.person.createWorkspace("Other");
    const { secret } = await here.person.seedKey({ name: "k" });
    const named = async (id: string) =>
      (await here.call(secret, "GET", "/v1/models", undefined, { "anthropic-workspace-id": id })).status;
    expect(await named(here.sandbox.organization.defaultWorkspaceId)).toBe(200);
    expect(await named(other.id)).toBe(404);
  });
});

describe("Admin keys and the versions", () => {
  it("a workspace key is not allowed on any Admin endpoint, a disabled Admin key is 401", async () => {
    const here = await world();
    const { secret } = await here.person.seedKey({ name: "k" });
    for (const path of [KEYS, "/v1/organizations/me", "/v1/organizations/users", "/v1/organizations/workspaces"]) {
      expect((await here.call(secret, "GET", path)).status).toBe(403);
    }
    const second = await here.person.createAdminKey("second");
    expect((await here.call(second.secret, "GET", "/v1/organizations/me")).status).toBe(200);
    await here.person.disableAdminKey(second.id);
    expect((await here.call(second.secret, "GET", "/v1/organizations/me")).status).toBe(401);
  });

  it("the old version shows workspace_id, null for the Default Workspace; the new one does not", async () => {
    const here = await world();
    const workspace = await here.person.createWorkspace("Production");
    const [inDefault, inOther] = await here.person.seedKeys([{ name: "a" }, { name: "b", workspaceId: workspace.id }]);
    const old = { "anthropic-version": "2023-06-01" };
    const read = (id: string | undefined, headers = {}) => here.admin("GET", `${KEYS}/${id ?? ""}`, undefined, headers);
    expect((await read(inDefault?.key.id, old)).body.workspace_id).toBeNull();
    expect((await read(inOther?.key.id, old)).body.workspace_id).toBe(workspace.id);
    expect((await read(inOther?.key.id)).body).not.toHaveProperty("workspace_id");
  });

  it.each([
    { version: "2026-10-21", extra: { temperature: 1 }, status: 400 },
    { version: "2026-10-21", extra: { top_p: 1 }, status: 400 },
    { version: "2026-10-21", extra: { top_k: 1 }, status: 400 },
    { version: "2023-06-01", extra: { temperature: 1 }, status: 200 },
    {
      version: "2026-10-21",
      extra: { messages: [{ role: "assistant", content: [{ type: "document" }] }] },
      status: 400,
    },
    {
      version: "2026-10-21",
      extra: { messages: [{ role: "user", content: [{ type: "text", text: "a", citations: [] }] }] },
      status: 400,
    },
    { version: "2026-10-21", extra: { model: "claude-none" }, status: 404 },
    { version: "2026-10-21", extra: { model: "claude-3-haiku-20240307" }, status: 404 },
    { version: "2026-10-21", extra: { max_tokens: 0 }, status: 200 },
    { version: "2026-10-21", extra: { max_tokens: -1 }, status: 400 },
    { version: "2026-10-21", extra: { messages: [] }, status: 400 },
  ])("a message with $extra under $version answers $status", async ({ version, extra, status }) => {
    const here = await world();
    const { secret } = await here.person.seedKey({ name: "k" });
    const body = { ...PING, ...extra };
    expect((await here.call(secret, "POST", "/v1/messages", body, { "anthropic-version": version })).status).toBe(
      status,
    );
  });
});
