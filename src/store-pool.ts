import canonicalize from "canonicalize";
import type { Config } from "../config/schema.ts";
import { storeOptions } from "../config/stores.ts";
import type { SecretStore, Stores } from "./ports/secret-store.ts";
import { KeyturnError } from "./rotation/errors.ts";
import type { Destination } from "./rotation/record.ts";
import { STORES } from "./stores/index.ts";

/**
 * The stores of this process, each opened once, when first used. A destination is matched by what it is (type and
 * location), not by the store's name: an open rotation keeps reaching its secrets when the configuration renames or
 * drops the store (R15).
 */
export function createStorePool(config: Config): Stores {
  const open = new Map<string, Promise<SecretStore>>();
  return {
    of(dest: Destination): Promise<SecretStore> {
      const id = `${dest.type} ${canonicalize(dest.location)}`;
      const known = open.get(id);
      if (known !== undefined) return known;
      const kind = STORES[dest.type];
      if (kind === undefined)
        return Promise.reject(new KeyturnError("CONFIG_INVALID", `There is no store type ${dest.type}.`));
      const configured = Object.entries(config.stores).find(
        ([, s]) => s.type === dest.type && canonicalize(kind.location(storeOptions(s))) === canonicalize(dest.location),
      );
      const opened =
        configured === undefined
          ? kind.open(dest.location, dest.store)
          : kind.open(storeOptions(configured[1]), configured[0]);
      open.set(id, opened);
      // A store that could not be opened is tried again at the next use.
      opened.catch(() => open.delete(id));
      return opened;
    },
    async close() {
      const all = await Promise.allSettled(open.values());
      await Promise.allSettled(all.map(async (s) => (s.status === "fulfilled" ? s.value.close() : undefined)));
      open.clear();
    },
  };
}
