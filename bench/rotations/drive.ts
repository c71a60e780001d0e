import { setTimeout as pause } from "node:timers/promises";
import { approve } from "../../src/app/approve.ts";
import type { Decider } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { openRotation } from "../../src/app/open.ts";
import type { AdminKey } from "../../src/ports/key-admin.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { storeOf } from "../../src/app/deps.ts";
import type { SandboxClient } from "../../src/sandbox/client.ts";
import type { SeededTarget } from "../lib/installation.ts";

const BY: Decider = { actor: { name: "cli:bench@localhost", via: "cli" }, breakGlass: null };
/** People at work at a time. */
const PEOPLE = 8;

/** One rotation per target, as a scan opens it, without what the scan does before. @returns their ids */
export async function openAll(deps: Deps, targets: readonly SeededTarget[]): Promise<string[]> {
  const keys = new Map<string, AdminKey>();
  for await (const page of deps.admin.listKeys()) for (const key of page) keys.set(key.id, key);
  const ids: string[] = [];
  await inTurns(targets, async ({ name, keyId }) => {
    const key = keys.get(keyId);
    if (key === undefined) throw new Error(`${name} has no key`);
    ids.push((await openOne(deps, name, key)).id);
  });
  return ids;
}

async function openOne(deps: Deps, target: string, key: AdminKey): Promise<Rotation> {
  const dest = deps.settings.targets.find(({ name }) => name === target)?.destinations[0];
  const current = dest === undefined ? null : await (await storeOf(deps, dest)).read(dest);
  if (current === null) throw new Error(`${target} has no value`);
  const { fingerprint, hint } = current.value;
  return openRotation(deps, {
    targets: [target],
    outgoing: { key, fingerprint, hint, organizationId: null, workspaceId: key.workspaceId },
    reason: "age",
    start: "awaiting_approval",
    actor: { name: "keyturn", via: "scan" },
    message: "bench",
  });
}

/** What people do for each rotation: approve, make a key in the Console, hand it over. */
export async function approveAndSubmit(deps: Deps, person: SandboxClient, ids: readonly string[]): Promise<void> {
  await inTurns(ids, async (id) => {
    await again(() => approve(deps, id, BY));
    const { secret } = await person.createKey({ name: `next-${id}` });
    await again(() => submit(deps, id, secret, BY.actor, { keyId: null, acceptExpiry: false, replace: false }));
  });
}

/** At most so many rotations have not ended. @throws when it takes too long */
export async function untilOpen(deps: Deps, { most, withinMs }: { most: number; withinMs: number }): Promise<void> {
  const limit = performance.now() + withinMs;
  while ((await deps.rotations.openIds()).length > most) {
    if (performance.now() > limit)
      throw new Error(`the rotations did not end within ${withinMs} ms: ${await firstOpen(deps)}`);
    await pause(50);
  }
}

export async function untilNothingIsDue(deps: Deps): Promise<void> {
  while ((await deps.rotations.due(deps.clock.now(), 1)).length > 0) await pause(20);
}

async function firstOpen(deps: Deps): Promise<string> {
  const [id] = await deps.rotations.openIds();
  const r = id === undefined ? null : await deps.rotations.load(id);
  return r === null ? "" : `${r.id} is in ${r.state} (${r.attention?.code ?? r.retry?.code ?? "no trouble"})`;
}

/** A worker may save the same rotation at the same moment; a person would press again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: string };
      if (left === 0 || (code !== "CONFLICT" && code !== "LOCK_HELD")) throw error;
      await pause(10);
    }
  }
}

async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all];
  const one = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: PEOPLE }, one));
}
