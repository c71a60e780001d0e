import type { LiveAnswer } from "../../ports/key-admin.ts";
import { describeDestination, destinationId } from "../../rotation/locks.ts";
import { type Doubt, lackOfP1, lackOfProof } from "../../rotation/promises.ts";
import type { Destination, Instant, Rotation } from "../../rotation/record.ts";
import { type SecretText, sameHint } from "../../rotation/secret.ts";
import { type Deps, storeOf } from "../deps.ts";
import { SAFE_NAME, renderRule } from "../plans.ts";

export interface Proof {
  at: Instant;
  fingerprint: string;
  requestIds: (string | null)[];
  tokens: number;
  requests: number;
}

/**
 * P1 on this rotation's own destinations: read back now, all one key that is not the outgoing one, and that value answers
 * a live call now (R8). The same value in several destinations is called with once.
 */
export async function proveDestinations(
  deps: Deps,
  r: Rotation,
  expect: "replacement" | "any",
): Promise<Proof | Doubt> {
  const elsewhere = await heldElsewhere(deps, r);
  const values: SecretText[] = [];
  try {
    const destinations = [];
    for (const dest of r.plan.destinations) {
      const found = await (await storeOf(deps, dest)).read(dest);
      if (found !== null) values.push(found.value);
      destinations.push({ where: describeDestination(dest), fingerprint: found?.value.fingerprint ?? null });
    }
    const lack = lackOfP1(r, { elsewhere, destinations }, expect);
    if (lack !== null || values[0] === undefined)
      return lack ?? { code: "destination_changed", about: "Nothing was read." };
    return await proveLive(deps, r, values[0]);
  } finally {
    for (const value of values) value.wipe();
  }
}

async function proveLive(deps: Deps, r: Rotation, value: SecretText): Promise<Proof | Doubt> {
  const options = { workspaceId: workspaceHeader(r) };
  const listed = await deps.verifier.authenticate(value, options);
  const answered = listed.verdict === "ok" ? await deps.verifier.infer(value, options) : listed;
  const at = deps.clock.now();
  const lack = lackOfProof({ at, ...summary(answered) }, at);
  if (lack !== null || answered.verdict !== "ok" || listed.verdict !== "ok") {
    return lack ?? { code: "verification_inconclusive", about: "" };
  }
  return {
    at,
    fingerprint: value.fingerprint,
    requestIds: [listed.requestId, answered.requestId],
    tokens: answered.tokens,
    requests: 1,
  };
}

function summary(answer: LiveAnswer): { answer: "ok" | "doubt" | "bad"; cause: string } {
  if (answer.verdict === "ok") return { answer: "ok", cause: "" };
  return answer.verdict === "inconclusive"
    ? { answer: "doubt", cause: answer.cause }
    : { answer: "bad", cause: String(answer.status) };
}

/** Identity-linked keys without a workspace must name one in each call (facts: anthropic-api.md 1.6). */
export const workspaceHeader = (r: Rotation): string | null =>
  r.replacement?.scope === "organization" ? (r.replacement.workspaceId ?? r.outgoing.workspaceId) : null;

export const isDoubt = (x: Proof | Doubt): x is Doubt => "code" in x;

/** How old a shared look at all other destinations may be. */
const SWEEP_FRESH_MS = 5000;
interface Holder {
  dest: Destination;
  fingerprint: string;
  hint: string;
}
interface Sweep {
  startedAt: Instant;
  /** By fingerprint: every rotation of a fleet asks, and each must not go through the whole fleet. */
  holders: Promise<Map<string, Holder[]>>;
}
const sweeps = new WeakMap<object, Sweep>();

/**
 * P1's first half: which configured destinations of any target, read back now, still hold the outgoing key (R1).
 * Rotations that deactivate at the same moment share one look, so that a fleet is not read once per rotation.
 * @throws STORE_UNAVAILABLE, STORE_DENIED: a destination that cannot be read may hold it
 */
export async function heldElsewhere(deps: Deps, r: Rotation): Promise<string[]> {
  const now = deps.clock.now();
  let sweep = sweeps.get(deps.stores);
  if (sweep === undefined || now - sweep.startedAt > SWEEP_FRESH_MS || now < sweep.startedAt) {
    sweep = {
      startedAt: now,
      holders: readAll(
        deps,
        deps.settings.targets.flatMap((t) => t.destinations),
      ).then(byFingerprint),
    };
    sweeps.set(deps.stores, sweep);
    sweep.holders.catch(() => sweeps.delete(deps.stores));
  }
  const own = new Set(r.plan.destinations.map(destinationId));
  const ruled = deps.settings.rules.flatMap((rule) =>
    SAFE_NAME.test(r.outgoing.name) ? renderRule(rule, r.outgoing.name) : [],
  );
  const named = await sweep.holders;
  const likely =
    r.outgoing.fingerprint === null ? [...named.values()].flat() : (named.get(r.outgoing.fingerprint) ?? []);
  return [...likely, ...(await readAll(deps, ruled))]
    .filter(({ fingerprint, hint }) =>
      r.outgoing.fingerprint === null ? sameHint(hint, r.outgoing.hint) : fingerprint === r.outgoing.fingerprint,
    )
    .filter(({ dest }) => !own.has(destinationId(dest)))
    .map(({ dest }) => describeDestination(dest));
}

function byFingerprint(holders: readonly Holder[]): Map<string, Holder[]> {
  const map = new Map<string, Holder[]>();
  for (const holder of holders) map.set(holder.fingerprint, [...(map.get(holder.fingerprint) ?? []), holder]);
  return map;
}

async function readAll(deps: Deps, destinations: readonly Destination[]): Promise<Holder[]> {
  const found: Holder[] = [];
  const queue = [...destinations];
  const reader = async () => {
    for (let dest = queue.shift(); dest !== undefined; dest = queue.shift()) {
      const value = await (await storeOf(deps, dest)).read(dest);
      if (value === null) continue;
      found.push({ dest, fingerprint: value.value.fingerprint, hint: value.value.hint });
      value.value.wipe();
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
  return found;
}
