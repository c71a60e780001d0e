import type { AdminKey } from "../../ports/key-admin.ts";
import type { ProblemCode } from "../../rotation/codes.ts";
import { type ErrorCode, KeyturnError } from "../../rotation/errors.ts";
import type { Deps } from "../deps.ts";
import type { OutgoingKey } from "../open.ts";
import { namedTargets, resolveTarget } from "../plans.ts";
import { type Bound, bind, sharedSecrets, wantedOf } from "./bind.ts";
import { listKeys } from "./keys.ts";
import { prepare } from "./prepare.ts";
import { type ReadTarget, readTargets, wipeAll } from "./read-targets.ts";
import type { Problem } from "./report.ts";
import { ruleTargets } from "./rule-targets.ts";

/** A key in use, with every target that holds it (R1), ready for a rotation to open. */
export interface KeyInUse {
  targets: string[];
  outgoing: OutgoingKey;
}

/** `ready`: all that a rotation needs is proven first. `now`: in an emergency nothing but the key itself matters. */
type Care = "ready" | "now";
type BoundTarget = [ReadTarget, Bound];

/**
 * The key that a target uses now, bound as a scan binds it (R11).
 * @throws STORE_UNAVAILABLE, STORE_DENIED (69), else WRONG_STATE (75) with the problem's code when it cannot be told;
 * ADMIN_* (69)
 */
export async function currentKeyOf(deps: Deps, target: string, care: Care): Promise<KeyInUse> {
  const bound = await boundTargets(deps, [target]);
  try {
    const [, b] = bound.find(([r]) => r.target.name === target) ?? [];
    if (b === undefined) return refuse({ code: "unknown_key", message: `the key of ${target} cannot be told` });
    return b.key === null ? refuse(b.problem) : await keyInUse(deps, care, b.key, bound);
  } finally {
    wipeAll(bound.map(([r]) => r));
  }
}

/** The targets that hold this key, named or made by a rule; null when none is known to. */
export async function holderOfKey(deps: Deps, keyId: string, care: Care): Promise<KeyInUse | null> {
  const bound = await boundTargets(deps, []);
  try {
    if (!bound.some(([, b]) => b.key?.id === keyId)) bound.push(...(await ruledBy(deps, keyId, bound)));
    const key = bound.find(([, b]) => b.key?.id === keyId)?.[1].key ?? null;
    return key === null ? null : await keyInUse(deps, care, key, bound);
  } finally {
    wipeAll(bound.map(([r]) => r));
  }
}

/** Every named target and the ones asked for, each with its key. */
async function boundTargets(deps: Deps, also: readonly string[]): Promise<BoundTarget[]> {
  const all = new Map(namedTargets(deps.settings).map((t) => [t.name, t] as const));
  for (const name of also.filter((each) => !all.has(each))) {
    const resolved = resolveTarget(deps.settings, name);
    if (resolved !== null) all.set(name, resolved);
  }
  const read = await readTargets(deps, [...all.values()]);
  try {
    const { candidates } = await listKeys(deps, wantedOf(read));
    const shared = sharedSecrets(read);
    return read.map((r) => [r, bind(r, candidates, shared)]);
  } catch (error) {
    wipeAll(read);
    throw error;
  }
}

/** What the rules make of this one key. */
async function ruledBy(deps: Deps, keyId: string, named: readonly BoundTarget[]): Promise<BoundTarget[]> {
  if (deps.settings.rules.length === 0) return [];
  const key = (await deps.admin.getKey(keyId)).value;
  if (key === null || key.status !== "active") return [];
  const { name, createdAt, workspaceId } = key;
  const read = named.map(([r]) => r);
  return (await ruleTargets(deps, [{ keyId, name, createdAt, workspaceId }], read)).found;
}

async function keyInUse(deps: Deps, care: Care, key: AdminKey, bound: readonly BoundTarget[]): Promise<KeyInUse> {
  const sharing = bound.filter(([, b]) => b.key?.id === key.id).map(([r]) => r);
  const targets = sharing.map((r) => r.target.name).toSorted();
  if (care === "now") {
    const first = sharing[0]?.destinations[0];
    const seen = { fingerprint: first?.fingerprint ?? null, hint: first?.hint ?? null };
    return { targets, outgoing: { key, ...seen, organizationId: null, workspaceId: key.workspaceId } };
  }
  const problems: Problem[] = [];
  // A key that was deactivated elsewhere answers no call; that must not stop a person from replacing it.
  const reason = key.status === "active" ? "requested" : "deactivated_elsewhere";
  const outgoing = await prepare(deps, key, sharing, reason, problems);
  return outgoing === null
    ? refuse(problems[0] ?? { code: "preflight_failed", message: "it is not ready" })
    : { targets, outgoing };
}

const ERROR_OF: Partial<Record<ProblemCode, ErrorCode>> = {
  store_unavailable: "STORE_UNAVAILABLE",
  store_denied: "STORE_DENIED",
  other_host: "OTHER_HOST",
};

function refuse({ code, message }: { code: ProblemCode; message: string }): never {
  const next = "keyturn scan --dry-run shows every target with its problem";
  throw new KeyturnError(ERROR_OF[code] ?? "WRONG_STATE", `${message}.`, { reason: code, next });
}
