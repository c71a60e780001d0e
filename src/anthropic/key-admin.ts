import type { AdminBudget } from "../ports/admin-budget.ts";
import type { Clock } from "../ports/clock.ts";
import type { AdminKey, Answer, KeyAdmin } from "../ports/key-admin.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { SecretText } from "../rotation/secret.ts";
import { ADMIN_LIMITS, ask, bodyOf, type ClientDeps, type ClientLimits, invalid, type Log } from "./admin-client.ts";
import { requireBaseUrl } from "./base-url.ts";
import { isObject, typeOf } from "./envelope.ts";
import { parseKey } from "./key-schema.ts";
import type { OnRequest } from "./operation.ts";
import { listKeyPages } from "./pages.ts";
import { safeId, safeName } from "./safe-text.ts";
import { setKeyStatus } from "./set-key-status.ts";
import { UsageReader } from "./usage.ts";

export interface KeyAdminOptions {
  baseUrl: string;
  /** Asked again for every request, so that a rotated Admin key is used at once. */
  adminKey: () => SecretText;
  clock: Clock;
  log?: Log;
  fetch?: typeof fetch;
  /** In [0, 1), for the jitter. */
  random?: () => number;
  limits?: Partial<ClientLimits>;
  /** Told of every request that was sent. */
  onRequest?: OnRequest;
  /** Every request with the Admin key counts in it. */
  budget?: AdminBudget;
}

/**
 * The Admin API through a client of our own: the vendor's SDK reads its environment for addresses and keys, and waits
 * for days when told to (facts: anthropic-api.md 7). @throws CONFIG_INVALID for an address no key may be sent to
 */
export function createKeyAdmin(options: KeyAdminOptions): KeyAdmin {
  const deps: ClientDeps = {
    baseUrl: requireBaseUrl(options.baseUrl),
    adminKey: options.adminKey,
    clock: options.clock,
    log: options.log ?? null,
    fetch: options.fetch ?? fetch,
    random: options.random ?? Math.random,
    limits: { ...ADMIN_LIMITS, ...options.limits },
    onRequest: options.onRequest,
    budget: options.budget ?? null,
  };
  const usage = new UsageReader(deps);
  return {
    organization: () => organization(deps),
    listKeys: (signal) => listKeyPages(deps, signal),
    getKey: async (keyId, how) => getKey(deps, requireKeyId(keyId), how?.paid ?? false),
    userEmail: async (userId) => userEmail(deps, userId),
    setKeyStatus: async (keyId, status, limits) => setKeyStatus(deps, requireKeyId(keyId), status, limits),
    usage: async (keyId, from, to, bucket, signal) =>
      usage.read({ keyId: requireKeyId(keyId), from, to, bucket, signal }),
  };
}

async function organization(deps: ClientDeps): Promise<Answer<{ id: string; name: string }>> {
  const path = "/v1/organizations/me";
  const reply = await ask(deps, path, []);
  const body = bodyOf(path, reply);
  const id = isObject(body) && typeof body["id"] === "string" ? safeId(body["id"]) : null;
  if (!isObject(body) || id === null || typeof body["name"] !== "string")
    throw invalid(path, "answered without a usable `id` and `name`");
  return { value: { id, name: safeName(body["name"]) }, serverTime: reply.serverTime };
}

async function getKey(deps: ClientDeps, keyId: string, paid: boolean): Promise<Answer<AdminKey | null>> {
  const path = `/v1/organizations/api_keys/${keyId}`;
  const reply = await ask(deps, path, [], { paid });
  // Only the API's own "not found" means that the key is gone; a proxy's 404 is no answer.
  if (reply.status === 404 && typeOf(reply) === "not_found_error") return { value: null, serverTime: reply.serverTime };
  const key = parseKey(bodyOf(path, reply));
  if (typeof key === "string") throw invalid(path, `answered with ${key}`);
  if (key.id !== keyId) throw invalid(path, "answered with another key");
  return { value: key, serverTime: reply.serverTime };
}

async function userEmail(deps: ClientDeps, userId: string): Promise<string | null> {
  const id = safeId(userId);
  if (id === null) throw invalid("/v1/organizations/users", "has no such ids");
  const path = `/v1/organizations/users/${id}`;
  const reply = await ask(deps, path, []);
  if (reply.status === 404 && typeOf(reply) === "not_found_error") return null;
  const body = bodyOf(path, reply);
  const email = isObject(body) ? body["email"] : null;
  // An answer about somebody else, or one that is no address, must not decide who is one person.
  if (!isObject(body) || body["id"] !== id || typeof email !== "string" || !/^[^\s@]{1,200}@[^\s@]{1,200}$/.test(email))
    throw invalid(path, "answered without a usable `id` and `email`");
  return email.toLowerCase();
}

/** An id goes into a path and into messages, so it must be one. @throws KEY_NOT_FOUND */
function requireKeyId(keyId: string): string {
  if (safeId(keyId) === null) throw new KeyturnError("KEY_NOT_FOUND", "The id contains characters that no key id has.");
  return keyId;
}
