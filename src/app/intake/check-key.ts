import type { AdminKey, LiveAnswer } from "../../ports/key-admin.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { KeyFacts, Rotation } from "../../rotation/record.ts";
import { type SecretText, sameHint } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import { workspaceHeader } from "../effects/evidence.ts";
import { openRotations } from "../find.ts";
import { refuse } from "./refusal.ts";

const DAY = 86_400_000;
/** A replacement must outlive drain limit and grace period by this much (R8). */
const RESERVE_MS = 7 * DAY;
/** A key created this recently may answer 401 for a while (failures #18). */
const FRESH_MS = 10 * 60_000;
const FRESH_RETRY_MS = 2000;
const FRESH_TRIES = 20;

export interface CheckOptions {
  keyId: string | null;
  acceptExpiry: boolean;
}
export interface CheckedKey {
  facts: KeyFacts;
  /** Differences from the outgoing key that are allowed but worth knowing. */
  warnings: string[];
}

/**
 * Everything that makes a value an acceptable replacement for this rotation (design section 5): who it is by the Admin
 * API, whose it is by a live call, that it lives long enough, and that it is nobody else's. Free calls only.
 * @throws KEY_REFUSED with the reason; ADMIN_* when the API cannot be asked: then submitting again is safe
 */
export async function checkKey(deps: Deps, r: Rotation, key: SecretText, options: CheckOptions): Promise<CheckedKey> {
  if (key.fingerprint === r.outgoing.fingerprint) refuse("outgoing_key");
  await refuseSeen(deps, r, key);
  const record = await findRecord(deps, r, key, options.keyId);
  const warnings = checkRecord(deps, r, record, options.acceptExpiry);
  const answer = await callFresh(deps, r, key, record);
  const [organizationId, workspaceId] = checkOwner(r, record, answer);
  return {
    warnings,
    facts: {
      id: record.id,
      name: record.name,
      hint: record.hint ?? key.hint,
      fingerprint: key.fingerprint,
      createdAt: record.createdAt,
      expiresAt: record.expiresAt,
      createdBy: record.createdBy,
      organizationId,
      workspaceId: workspaceId ?? record.workspaceId,
      principal: record.principal,
      scope: record.scope,
    },
  };
}

/** Current or outgoing of any target, or pending in another open rotation. A leftover of an ended one is welcome (R12). */
async function refuseSeen(deps: Deps, r: Rotation, key: SecretText): Promise<void> {
  const target = (await deps.scanLog.seenFingerprints())[key.fingerprint];
  if (target !== undefined) refuse("key_seen_before", `It is or was the key of ${target}.`);
  for (const other of await openRotations(deps)) {
    if (other.id === r.id) continue;
    if (other.replacement?.fingerprint === key.fingerprint || other.outgoing.fingerprint === key.fingerprint) {
      refuse("key_seen_before", `Rotation ${other.id} of ${other.target ?? other.outgoing.name} has it.`);
    }
  }
}

/** The one Admin API record of the key: by the named id, else the only active key with its hint. */
async function findRecord(deps: Deps, r: Rotation, key: SecretText, keyId: string | null): Promise<AdminKey> {
  if (keyId !== null) {
    const named = (await deps.admin.getKey(keyId)).value;
    if (named === null) return refuse("unknown_key", `There is no key ${keyId}.`);
    if (named.id === r.outgoing.id) return refuse("outgoing_key");
    if (named.hint !== null && !sameHint(named.hint, key.hint))
      return refuse("key_id_mismatch", `${named.name} (${keyId}) has the hint ${named.hint}.`);
    return named;
  }
  const matches: AdminKey[] = [];
  let withoutHint = 0;
  for await (const page of deps.admin.listKeys()) {
    for (const candidate of page) {
      if (candidate.hint === null && candidate.status === "active" && candidate.createdAt >= r.createdAt) withoutHint++;
      if (candidate.id !== r.outgoing.id && sameHint(candidate.hint, key.hint)) matches.push(candidate);
    }
  }
  const active = matches.filter((k) => k.status === "active");
  const [only] = active.length > 0 ? active : matches;
  if (active.length > 1 || (only === undefined && withoutHint > 0)) {
    const names = active.map((k) => `${k.name} (${k.id})`).join(", ");
    return refuse("ambiguous_key", names === "" ? "Some new keys have no hint." : `They are ${names}.`);
  }
  return only ?? refuse("unknown_key");
}

function checkRecord(deps: Deps, r: Rotation, k: AdminKey, acceptExpiry: boolean): string[] {
  const now = deps.clock.now();
  const warnings: string[] = [];
  if (k.status === "expired" || (k.expiresAt !== null && k.expiresAt <= now))
    refuse("key_expired", `It is ${k.name} (${k.id}).`);
  if (k.status !== "active") refuse("key_not_active", `${k.name} (${k.id}) is ${k.status}.`);
  if (k.createdAt <= r.outgoing.createdAt)
    refuse("key_older", `${k.name} was created ${new Date(k.createdAt).toISOString()}.`);
  if (k.createdAt < r.createdAt)
    warnings.push(`the key was created before this rotation was opened; make sure that nothing else uses it`);
  const needed = now + r.plan.drain.limitMs + r.plan.gracePeriodMs + RESERVE_MS;
  if (k.expiresAt !== null && k.expiresAt < needed && !acceptExpiry) {
    refuse(
      "expires_too_soon",
      `It expires ${new Date(k.expiresAt).toISOString()}; ${new Date(needed).toISOString()} or later is needed.`,
    );
  }
  if (r.outgoing.workspaceId !== null && k.workspaceId !== null && k.workspaceId !== r.outgoing.workspaceId) {
    refuse("wrong_workspace", `It belongs to ${k.workspaceId}; ${r.outgoing.workspaceId} is needed.`);
  }
  if (r.plan.requiredName !== null && k.name !== r.plan.requiredName) {
    refuse("wrong_name", `It is called "${k.name}"; the rule of this target needs the name "${r.plan.requiredName}".`);
  }
  if (k.principal !== r.outgoing.principal)
    warnings.push(
      `the key's owner type differs: ${r.outgoing.principal ?? "workspace key"} → ${k.principal ?? "workspace key"}`,
    );
  if (k.scope !== r.outgoing.scope)
    warnings.push(
      `the key's scope differs: ${r.outgoing.scope} → ${k.scope}; calls may need the anthropic-workspace-id header`,
    );
  if (k.expiresAt !== null && r.outgoing.expiresAt === null)
    warnings.push(`the key expires ${new Date(k.expiresAt).toISOString()}; the outgoing one never does`);
  return warnings;
}

/** The free live call; a 401 of a fresh key is asked again for a bounded time. */
async function callFresh(
  deps: Deps,
  r: Rotation,
  key: SecretText,
  record: AdminKey,
): Promise<Extract<LiveAnswer, { verdict: "ok" | "inconclusive" }>> {
  const workspaceId =
    record.scope === "organization" ? (record.workspaceId ?? r.outgoing.workspaceId ?? workspaceHeader(r)) : null;
  const fresh = deps.clock.now() - record.createdAt < FRESH_MS;
  for (let tries = 1; ; tries++) {
    const answer = await deps.verifier.authenticate(key, { workspaceId });
    if (answer.verdict === "not_permitted") return refuse("not_permitted");
    if (answer.verdict === "rejected") {
      if (!fresh || tries >= FRESH_TRIES) return refuse("key_rejected", "The API answers 401.");
      await deps.clock.sleep(FRESH_RETRY_MS);
      continue;
    }
    if (answer.verdict === "inconclusive" && !answer.authenticated) {
      throw new KeyturnError(
        "ADMIN_UNAVAILABLE",
        `The live call with the key ended with: ${answer.cause}. Nothing was stored; submit it again.`,
      );
    }
    return answer;
  }
}

function checkOwner(
  r: Rotation,
  record: AdminKey,
  answer: { organizationId: string | null; workspaceId: string | null },
): [string | null, string | null] {
  if (
    r.outgoing.organizationId !== null &&
    answer.organizationId !== null &&
    answer.organizationId !== r.outgoing.organizationId
  ) {
    refuse("wrong_organization", `It belongs to ${answer.organizationId}; ${r.outgoing.organizationId} is needed.`);
  }
  if (
    record.scope === "workspace" &&
    r.outgoing.workspaceId !== null &&
    answer.workspaceId !== null &&
    answer.workspaceId !== r.outgoing.workspaceId
  ) {
    refuse("wrong_workspace", `It belongs to ${answer.workspaceId}; ${r.outgoing.workspaceId} is needed.`);
  }
  return [answer.organizationId, answer.workspaceId];
}
