import type { Rotation } from "../rotation/record.ts";
import { refuseKey } from "../rotation/contains-key.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Actor } from "../ports/settings.ts";
import { noteOf } from "./decisions.ts";
import type { Deps } from "./deps.ts";
import { openRotation } from "./open.ts";
import { resolveTarget } from "./plans.ts";
import { currentKeyOf } from "./scan/current-key.ts";

/**
 * Opens a rotation because a person asked for it, whatever the key's age; `notBefore` and the limit of open rotations do
 * not stop it. Everything that a scan makes sure of before opening is made sure of here as well.
 * @throws NOT_FOUND (64) · LOCK_HELD (75) naming the rotation that is open · STORE_*, ADMIN_* (69)
 */
export async function rotate(deps: Deps, target: string, actor: Actor, reason: string | null): Promise<Rotation> {
  refuseKey("The name of the target", target);
  refuseKey("The reason", reason);
  if (resolveTarget(deps.settings, target) === null)
    throw new KeyturnError("NOT_FOUND", `No target is called "${target}".`);
  const holder = await deps.rotations.holderOf(`target:${target}`);
  if (holder !== null)
    throw new KeyturnError("LOCK_HELD", `Rotation ${holder} of ${target} is open.`, {
      next: `keyturn show ${holder}`,
      reason: "rotation_open",
    });
  const found = await currentKeyOf(deps, target, "ready");
  return openRotation(deps, {
    targets: found.targets,
    outgoing: found.outgoing,
    reason: "requested",
    start: "awaiting_approval",
    actor,
    message: reason ?? "a person asked for it",
    note: noteOf(reason, actor, deps.clock.now()),
  });
}
