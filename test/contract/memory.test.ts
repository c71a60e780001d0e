import { KeyturnError } from "../../src/rotation/errors.ts";
import { MemoryStore, type Secrets } from "../support/doubles/memory-store.ts";
import { secretStoreContract } from "./secret-store.contract.ts";
import type { StoreWorld } from "./store-world.ts";

/** The double of the use cases' tests keeps the same contract as every store. */
async function world(): Promise<StoreWorld> {
  const secrets: Secrets = new Map();
  const tags = new Map<string, Record<string, string>>();
  const admin = new MemoryStore({ secrets });
  return {
    async open(how) {
      const store = new MemoryStore({ secrets });
      const failing = (code: "STORE_DENIED" | "STORE_UNAVAILABLE") => () => {
        throw new KeyturnError(code);
      };
      if (how === "denied") store.fail = failing("STORE_DENIED");
      if (how === "down") store.fail = failing("STORE_UNAVAILABLE");
      if (how === "reply_lost") store.after = failing("STORE_UNAVAILABLE");
      return store;
    },
    destination: (secret, field) => ({
      store: "files",
      type: "dotenv-file",
      location: { directory: "secrets" },
      secret,
      field,
    }),
    put: async (secret, document) => admin.put(secret, document),
    applicationsRead: async (secret) => ({ ...secrets.get(secret)?.document }),
    operatorStages: async (dest, value) => admin.stageByHand(dest, value),
    tagByOthers: async (secret, name, value) => void tags.set(secret, { ...tags.get(secret), [name]: value }),
    tagsOfOthers: async (secret) => tags.get(secret) ?? {},
    besides: async (secret) => {
      const { pending, previous, operators, marks } = secrets.get(secret) ?? {};
      return JSON.stringify([[...(pending ?? [])], [...(previous ?? [])], [...(operators ?? [])], marks]);
    },
    close: async () => undefined,
  };
}

secretStoreContract({ name: "memory", fields: true, keepsVersions: false, conditionalWrite: true, world });
