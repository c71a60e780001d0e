import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { isPromoted } from "../../rotation/transition.ts";
import { attend, settle } from "../settle.ts";
import { commitIntent } from "../commit.ts";
import type { Deps } from "../deps.ts";
import { markAll } from "../marking.ts";
import { finish } from "./finish.ts";

/**
 * Sets the outgoing key active again: the way back of `reinstate`, and what undoes a delayed worker's call after a
 * decision to keep the key (R6, R9). Repeating it is harmless.
 */
export async function activate(deps: Deps, record: Rotation): Promise<Rotation> {
  // Somebody else's rotation has the key by now: what happens to it is theirs to say.
  const holder = await deps.rotations.holderOf(`key:${record.outgoing.id}`);
  if (holder !== null && holder !== record.id) return settle(deps, record, null);
  // The call and the look after it; the call itself does not wait.
  await deps.budget.take(2, "urgent");
  const intended = await commitIntent(deps, record, "activate", { keyId: record.outgoing.id });
  if (record.state === "reinstating") await markAll(deps, intended, isPromoted(record) ? "reinstate" : "claim");
  try {
    await deps.admin.setKeyStatus(record.outgoing.id, "active", {
      timeoutMs: 10_000,
      notAfter: deps.clock.now() + 10_000,
    });
  } catch (error) {
    if (error instanceof KeyturnError && error.code === "KEY_LIMIT")
      return attend(deps, intended, "key_limit", await freeable(deps, record));
    const status = (await deps.admin.getKey(record.outgoing.id, { paid: true })).value?.status;
    if (status !== "active") throw error;
  }
  if (record.state !== "reinstating")
    return attend(deps, intended, "stale_call_undone", `Key ${record.outgoing.name}.`);
  const status = (await deps.admin.getKey(record.outgoing.id, { paid: true })).value?.status ?? "missing";
  if (status === "active") return finish(deps, intended, "outgoing_active", {}, { keyId: record.outgoing.id });
  // The change is accepted but not visible yet: look again before saying anything.
  return settle(deps, intended, deps.clock.now() + 1000);
}

/** Names keys of the same workspace that could make room: the oldest active ones, ours excluded. */
async function freeable(deps: Deps, record: Rotation): Promise<string> {
  const names: { name: string; createdAt: number }[] = [];
  for await (const page of deps.admin.listKeys()) {
    for (const key of page) {
      if (key.status !== "active" || key.id === record.replacement?.id) continue;
      if (record.outgoing.workspaceId !== null && key.workspaceId !== record.outgoing.workspaceId) continue;
      names.push({ name: `${key.name} (${key.id})`, createdAt: key.createdAt });
      names.sort((a, b) => a.createdAt - b.createdAt).splice(5);
    }
  }
  return names.length === 0 ? "" : `The oldest active keys there: ${names.map((k) => k.name).join(", ")}.`;
}
