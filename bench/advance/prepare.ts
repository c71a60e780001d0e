import { claim } from "../../src/app/claim.ts";
import { type Deps, storeOf } from "../../src/app/deps.ts";
import { accept } from "../../src/app/intake/submit.ts";
import { factsOf, newRecord } from "../../src/app/open.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { locksOf } from "../../src/rotation/locks.ts";
import type { SandboxClient } from "../../src/sandbox/client.ts";
import type { AdminKey } from "../../src/ports/key-admin.ts";
import type { SeededTarget } from "../lib/installation.ts";

const PERSON = { name: "cli:bench@localhost", via: "cli" } as const;

/**
 * One rotation per target with an accepted replacement, as `submit` leaves it: claimed, staged, in `verifying`, its
 * first wake-up queued. What the earlier use cases check is not repeated here; it is not what is measured.
 */
export async function stageAll(deps: Deps, person: SandboxClient, targets: readonly SeededTarget[]): Promise<void> {
  const keys = new Map<string, AdminKey>();
  for await (const page of deps.admin.listKeys()) for (const key of page) keys.set(key.id, key);
  const made = await person.seedKeys(targets.map(({ name }) => ({ name: `${name}-next` })));
  const queue = [...targets.entries()];
  const one = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [n, target] = next;
      const outgoing = keys.get(target.keyId);
      const replacement = made[n];
      if (outgoing === undefined || replacement === undefined) throw new Error(`${target.name} has no keys`);
      await stageOne(deps, target.name, outgoing, replacement.key.id, replacement.secret);
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

async function stageOne(deps: Deps, target: string, outgoing: AdminKey, keyId: string, text: string): Promise<void> {
  const value = SecretText.from(text);
  const record = await openApproved(deps, target, outgoing);
  await claim(deps, record);
  const dest = record.plan.destinations[0];
  const key = (await deps.admin.getKey(keyId)).value;
  if (dest === undefined || key === null) throw new Error(`${target} cannot be staged`);
  const staged = await (await storeOf(deps, dest)).stage(dest, value, record.id);
  const progress = record.progress.map((each) => ({
    ...each,
    baseVersion: staged.baseVersion,
    pendingVersion: staged.version,
    stagedAt: deps.clock.now(),
  }));
  const facts = factsOf({
    key,
    fingerprint: value.fingerprint,
    hint: value.hint,
    organizationId: null,
    workspaceId: null,
  });
  await accept(deps, record, facts, progress, PERSON, { warnings: [], acceptExpiry: false });
  value.wipe();
}

/** Opened, approved and waiting for its key, in one save. */
async function openApproved(deps: Deps, target: string, key: AdminKey): Promise<Rotation> {
  const dest = deps.settings.targets.find(({ name }) => name === target)?.destinations[0];
  const current = dest === undefined ? null : await (await storeOf(deps, dest)).read(dest);
  if (current === null) throw new Error(`${target} has no value`);
  const { fingerprint, hint } = current.value;
  const opened = newRecord(deps, {
    targets: [target],
    outgoing: { key, fingerprint, hint, organizationId: null, workspaceId: null },
    reason: "age",
    start: "awaiting_approval",
    actor: PERSON,
    message: "bench",
  });
  const at = deps.clock.now();
  const approvals = [{ actor: PERSON.name, via: PERSON.via, at, planHash: opened.planHash, breakGlass: false }];
  const record: Rotation = { ...opened, state: "awaiting_replacement", approvals };
  await deps.rotations.commit({ record, expectedRevision: 0, locks: locksOf(record), audit: [] });
  return record;
}
