import Anthropic from "@anthropic-ai/sdk";
import LegacyAnthropic from "anthropic-sdk-legacy";
import type { Message } from "@anthropic-ai/sdk/resources/messages";
import type { ModelInfo } from "@anthropic-ai/sdk/resources/models";
import type {
  BetaAnalyticsUsageGroupBy,
  BetaAnalyticsUsageMetrics,
} from "@anthropic-ai/sdk/resources/beta/organization/analytics/usage";
import type { OrganizationInfo } from "@anthropic-ai/sdk/resources/organization/organization";
import type { OrganizationUser } from "@anthropic-ai/sdk/resources/organization/users";
import type { Workspace } from "@anthropic-ai/sdk/resources/organization/workspaces";
import type { APIKey } from "@anthropic-ai/sdk/resources/organization/api-keys";
import type { BetaAPIKey } from "anthropic-sdk-legacy/resources/beta/organization/api-keys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sandboxClient } from "../../src/sandbox/client.ts";
import type { NewKey, SandboxClient, ShownKey } from "../../src/sandbox/client.ts";
import type { Dimension, emptyUsage } from "../../src/sandbox/analytics.ts";
import type { showMessage, showModel } from "../../src/sandbox/inference.ts";
import type { showOrganization, showUser, showWorkspace } from "../../src/sandbox/members.ts";
import { startSandbox } from "../../src/sandbox/start.ts";
import type { Sandbox } from "../../src/sandbox/start.ts";

/** The compiler proves that what the sandbox shows is what both SDK lines expect. */
export const SHAPES = {
  key: (key: ShownKey) => key satisfies APIKey,
  oldKey: (key: ShownKey & { workspace_id: string | null }) => key satisfies BetaAPIKey,
  organization: (shown: ReturnType<typeof showOrganization>) => shown satisfies OrganizationInfo,
  user: (shown: ReturnType<typeof showUser>) => ({ ...shown, role: "admin" as const }) satisfies OrganizationUser,
  workspace: (shown: ReturnType<typeof showWorkspace>) => shown satisfies Workspace,
  model: (shown: ReturnType<typeof showModel>) => shown satisfies ModelInfo,
  message: (shown: ReturnType<typeof showMessage>) => shown satisfies Message,
  usage: (shown: ReturnType<typeof emptyUsage>) => shown satisfies BetaAnalyticsUsageMetrics,
  group: (name: Dimension) => name satisfies BetaAnalyticsUsageGroupBy,
  groupBack: (name: BetaAnalyticsUsageGroupBy) => name satisfies Dimension,
};

let sandbox: Sandbox;
let person: SandboxClient;
let made: NewKey;

beforeAll(async () => {
  sandbox = await startSandbox();
  person = sandboxClient(sandbox.url);
  made = await person.seedKey({ name: "billing", ageDays: 100 });
});
afterAll(() => sandbox.close());

const current = (apiKey: string) => new Anthropic({ apiKey, baseURL: sandbox.url, maxRetries: 0 });
const legacy = (apiKey: string) => new LegacyAnthropic({ apiKey, baseURL: sandbox.url, maxRetries: 0 });

describe("the official SDK 1.x as a foreign client", () => {
  it("reads, renames, disables and re-enables a key", async () => {
    const admin = current(sandbox.adminKey).organization.apiKeys;
    const key = await admin.retrieve(made.key.id);
    expect(key).toMatchObject({ name: "billing", status: "active", principal: null, scope: { type: "workspace" } });
    expect(key).not.toHaveProperty("workspace_id");
    expect(await admin.update(made.key.id, { status: "inactive" })).toMatchObject({ status: "inactive" });
    expect(await admin.update(made.key.id, { status: "active", name: "billing 2" })).toMatchObject({
      status: "active",
      name: "billing 2",
    });
    const listed: string[] = [];
    for await (const one of admin.list({ limit: 1 })) listed.push(one.id);
    expect(listed).toContain(made.key.id);
  });

  it("reads the organization, users and workspaces", async () => {
    const { organization } = current(sandbox.adminKey);
    expect(await organization.retrieve()).toMatchObject({ type: "organization", id: sandbox.organization.id });
    const workspace = await person.createWorkspace("Production");
    const names: string[] = [];
    for await (const one of organization.workspaces.list()) names.push(one.name);
    expect(names).toEqual(["Production"]);
    expect(await organization.workspaces.retrieve(workspace.id)).toMatchObject({ name: "Production" });
    expect(await organization.workspaces.retrieve(sandbox.organization.defaultWorkspaceId)).toMatchObject({
      name: "Default",
    });
    const users: string[] = [];
    for await (const one of organization.users.list()) users.push(one.role);
    expect(users).toEqual(["admin"]);
  });

  it("calls with a key and finds the call in the usage of that key", async () => {
    const app = current(made.secret);
    const { data: models, response } = await app.models.list({ limit: 1 }).withResponse();
    expect(models.data).toHaveLength(1);
    expect(response.headers.get("anthropic-organization-id")).toBe(sandbox.organization.id);
    expect(response.headers.get("anthropic-workspace-id")).toBe(sandbox.organization.defaultWorkspaceId);
    const message = {
      model: "claude-haiku-4-5",
      max_tokens: 1,
      messages: [{ role: "user" as const, content: "ping" }],
    };
    expect(await app.messages.create(message)).toMatchObject({
      stop_reason: "max_tokens",
      usage: { output_tokens: 1 },
    });
    expect(
      (await app.messages.countTokens({ model: message.model, messages: message.messages })).input_tokens,
    ).toBeGreaterThan(0);

    const now = Date.now();
    const page = await current(sandbox.adminKey).beta.organization.analytics.usage.list({
      starting_at: new Date(now - 3_600_000).toISOString(),
      ending_at: new Date(now + 60_000).toISOString(),
      time_bucket_width: "1m",
      group_by: ["api_key_id"],
      api_key_ids: [made.key.id],
      order_by: "time",
    });
    expect(page.data).toMatchObject([{ group: { api_key_id: made.key.id }, usage: { requests: 1, output_tokens: 1 } }]);
  });

  it("meets the SDK's own error classes", async () => {
    await expect(current("sk-ant-nothing").models.list()).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    await expect(current(made.secret).organization.retrieve()).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
    await expect(current(sandbox.adminKey).organization.apiKeys.retrieve("apikey_none")).rejects.toBeInstanceOf(
      Anthropic.NotFoundError,
    );
  });
});

describe("the official SDK 0.x as a foreign client", () => {
  it("sees the old shape, whose workspace_id is null for the Default Workspace", async () => {
    const admin = legacy(sandbox.adminKey).beta.organization;
    const key = await admin.apiKeys.retrieve(made.key.id);
    expect(key).toMatchObject({ workspace_id: null, scope: { workspace_id: sandbox.organization.defaultWorkspaceId } });
    expect(await admin.retrieve()).toMatchObject({ id: sandbox.organization.id });
    expect(await admin.apiKeys.update(made.key.id, { status: "inactive" })).toMatchObject({ status: "inactive" });
    await expect(legacy(made.secret).models.list()).rejects.toBeInstanceOf(LegacyAnthropic.AuthenticationError);
    expect(await admin.apiKeys.update(made.key.id, { status: "active" })).toMatchObject({ status: "active" });
    const listed: string[] = [];
    for await (const one of admin.apiKeys.list({ limit: 1 })) listed.push(one.id);
    expect(listed).toEqual([made.key.id]);
  });
});
