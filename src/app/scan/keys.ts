import type { AdminKey } from "../../ports/key-admin.ts";
import { bareHint, sameHint } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import type { Candidates } from "./bind.ts";

/** What is kept of an active key that has no value's hint: enough for the report, small enough for a hundred thousand. */
export interface Unheld {
  keyId: string;
  name: string;
  createdAt: number;
  workspaceId: string | null;
}

export interface Listed {
  candidates: Candidates;
  /** Active keys that match no value that was looked for; among them those that only an id can bind. */
  unheld: Unheld[];
  /** How many requests the list took. */
  pages: number;
  /** Keys in all, whatever their status. */
  total: number;
}

/**
 * One pass over all keys of the organization; only what the targets may need is kept whole.
 * @throws ADMIN_* when the list breaks off: nothing is concluded from a part of it
 */
export async function listKeys(
  deps: Deps,
  wanted: { hints: ReadonlySet<string>; ids: ReadonlySet<string> },
  onProgress?: (keys: number) => void,
): Promise<Listed> {
  const byBare = new Map<string, string[]>();
  for (const hint of wanted.hints) byBare.set(bareHint(hint), [...(byBare.get(bareHint(hint)) ?? []), hint]);
  const candidates: Candidates = { byId: new Map(), byHint: new Map() };
  const unheld: Unheld[] = [];
  // One string for the keys of one workspace, not one for each key.
  const workspaces = new Map<string, string>();
  const workspaceOf = (id: string | null): string | null => {
    if (id === null) return null;
    const known = workspaces.get(id);
    if (known === undefined) workspaces.set(id, id);
    return known ?? id;
  };
  let total = 0;
  let pages = 0;
  for await (const page of deps.admin.listKeys()) {
    for (const key of page) {
      const hints =
        key.hint === null ? [] : (byBare.get(bareHint(key.hint)) ?? []).filter((h) => sameHint(h, key.hint));
      if (wanted.ids.has(key.id)) candidates.byId.set(key.id, key);
      if (key.status !== "archived")
        for (const h of hints) candidates.byHint.set(h, [...(candidates.byHint.get(h) ?? []), key]);
      if (hints.length === 0 && key.status === "active") unheld.push(small(key, workspaceOf(key.workspaceId)));
    }
    total += page.length;
    pages += 1;
    onProgress?.(total);
  }
  return { candidates, unheld, total, pages };
}

/**
 * The whole of some keys, by id; those that are gone are left out. Few are asked for one by one. More than the list has
 * pages are picked from the list: a request for each of thousands would use up the rate that everything shares.
 * @throws ADMIN_*
 */
export async function wholeKeys(
  deps: Pick<Deps, "admin">,
  ids: ReadonlySet<string>,
  pages: number,
): Promise<Map<string, AdminKey>> {
  const found = new Map<string, AdminKey>();
  if (ids.size > pages) {
    for await (const page of deps.admin.listKeys()) for (const key of page) if (ids.has(key.id)) found.set(key.id, key);
    return found;
  }
  for (const id of ids) {
    const key = (await deps.admin.getKey(id)).value;
    if (key !== null) found.set(id, key);
  }
  return found;
}

const small = ({ id, name, createdAt }: AdminKey, workspaceId: string | null): Unheld => ({
  keyId: id,
  name,
  createdAt,
  workspaceId,
});
