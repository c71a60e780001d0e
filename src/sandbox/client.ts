import { setTimeout as sleep } from "node:timers/promises";
import type { showKey } from "./api-keys.ts";
import type { FaultRuleInput } from "./fault-schema.ts";
import type { ArmedFault } from "./faults.ts";
import type {
  ClockInput,
  CreateKeyInput,
  NewServiceAccountInput,
  NewUserInput,
  SeedBulkInput,
  SeedKeyInput,
  SettingsInput,
  UsageInput,
  UseInput,
} from "./inputs.ts";
import type { showUser, showWorkspace } from "./members.ts";
import type { OrganizationRow, Settings, StoredStatus } from "./model.ts";
import type { LoggedRequest } from "./request-log.ts";

export type ShownKey = ReturnType<typeof showKey>;
export interface NewKey {
  key: ShownKey;
  /** The only time anybody sees it. */
  secret: string;
}
export interface KeyHistory {
  key: ShownKey;
  answersLive: boolean;
  changes: { status: StoredStatus; at: string; by: string }[];
}
export interface SandboxState {
  organization: OrganizationRow;
  now: string;
  settings: Settings;
  keys: number;
  users: { id: string; email: string; role: string }[];
  workspaces: { id: string; name: string }[];
  requests: number;
}

export type SandboxClient = ReturnType<typeof sandboxClient>;

/**
 * The person in the Console and the hand of the test, over HTTP. Every method throws an Error with the sandbox's
 * explanation when it is refused.
 * @param url as `sandbox.ready` printed it
 */
export function sandboxClient(url: string) {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const answer = (await response.json()) as { error?: { message?: string } };
    if (!response.ok) throw new Error(`sandbox: ${method} ${path}: ${response.status} ${answer.error?.message ?? ""}`);
    return answer as T;
  };
  const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
  const change = async (keyId: string, verb: string, by?: string): Promise<ShownKey> => {
    const answer = await post<{ key: ShownKey }>(`/_console/keys/${keyId}/${verb}`, by === undefined ? {} : { by });
    return answer.key;
  };
  const faults = async () => (await call<{ faults: ArmedFault[] }>("GET", "/_control/faults")).faults;

  return {
    url,
    // What a person does in the Console.
    createKey: (input: CreateKeyInput) => post<NewKey>("/_console/keys", input),
    keys: async () => (await call<{ keys: ShownKey[] }>("GET", "/_console/keys")).keys,
    disableKey: (keyId: string, by?: string) => change(keyId, "disable", by),
    enableKey: (keyId: string, by?: string) => change(keyId, "enable", by),
    deleteKey: (keyId: string, by?: string) => change(keyId, "delete", by),
    createWorkspace: async (name: string) =>
      (await post<{ workspace: ReturnType<typeof showWorkspace> }>("/_console/workspaces", { name })).workspace,
    archiveWorkspace: (id: string) => post<{ id: string }>(`/_console/workspaces/${id}/archive`),
    createUser: async (input: NewUserInput) =>
      (await post<{ user: ReturnType<typeof showUser> }>("/_console/users", input)).user,
    removeUser: (id: string) => call<{ id: string }>("DELETE", `/_console/users/${id}`),
    createServiceAccount: async (input: NewServiceAccountInput) =>
      (await post<{ serviceAccount: { id: string } }>("/_console/service-accounts", input)).serviceAccount,
    archiveServiceAccount: (id: string) => post<{ id: string }>(`/_console/service-accounts/${id}/archive`),
    createAdminKey: (name: string) => post<{ id: string; secret: string }>("/_console/admin-keys", { name }),
    disableAdminKey: (id: string) => post<{ id: string }>(`/_console/admin-keys/${id}/disable`),
    enableAdminKey: (id: string) => post<{ id: string }>(`/_console/admin-keys/${id}/enable`),

    // What only a test does.
    state: () => call<SandboxState>("GET", "/_control/state"),
    /** Keys as if made in the past; answers with their texts, in the order asked for. */
    seedKeys: async (keys: readonly SeedKeyInput[]) =>
      (await post<{ keys: NewKey[] }>("/_control/keys", { keys })).keys,
    seedKey: async (key: SeedKeyInput): Promise<NewKey> => {
      const [made] = (await post<{ keys: NewKey[] }>("/_control/keys", { keys: [key] })).keys;
      if (made === undefined) throw new Error("sandbox: no key was made");
      return made;
    },
    seedBulk: (input: SeedBulkInput) => post<{ count: number; lastId: string }>("/_control/keys/bulk", input),
    history: (keyId: string) => call<KeyHistory>("GET", `/_control/keys/${keyId}`),
    settings: async (patch: SettingsInput) =>
      (await post<{ settings: Settings }>("/_control/settings", patch)).settings,
    clock: (input: ClockInput) => post<{ now: string; offsetMs: number }>("/_control/clock", input),
    injectUsage: (input: UsageInput) => post<{ recorded: number }>("/_control/usage", input),
    /** Application calls; answers how many of them got which HTTP status. */
    use: async (input: UseInput) => (await post<{ statuses: Record<string, number> }>("/_control/use", input)).statuses,
    /** Answers the rule's id. */
    addFault: async (rule: FaultRuleInput) => (await post<{ id: string }>("/_control/faults", rule)).id,
    faults,
    /** Resolves when a rule has hit that many requests: at a `gate`, they wait there now. @throws after `withinMs` */
    untilFaultHits: async (id: string, hits = 1, withinMs = 5_000): Promise<void> => {
      for (const end = Date.now() + withinMs; Date.now() < end; await sleep(5)) {
        if ((await faults()).some((rule) => rule.id === id && rule.hits >= hits)) return;
      }
      throw new Error(`sandbox: ${id} did not hit ${hits} request(s) within ${withinMs} ms`);
    },
    /** Opens the rule's gate, too. */
    removeFault: (id: string) => call<{ removed: boolean }>("DELETE", `/_control/faults/${id}`),
    clearFaults: () => call<object>("DELETE", "/_control/faults"),
    /** Requests to the API after the given number; side doors are not among them. */
    requests: async (since = 0) =>
      (await call<{ requests: LoggedRequest[] }>("GET", `/_control/requests?since=${since}`)).requests,
  };
}
