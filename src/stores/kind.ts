import type { z } from "zod";
import type { SecretStore } from "../ports/secret-store.ts";

/** One type of store as the configuration and the composition see it; light, since SDKs load only in `open`. */
export interface StoreKind {
  /** The options of a `stores:` entry, without `type`. */
  options: z.ZodType;
  /** Whether a store of this type is only there on one host, so that processes of others must keep away (R10). */
  oneHost?: boolean;
  /** What tells two stores of this type apart; part of every destination and plan (R15). */
  location(options: unknown): Record<string, string>;
  /** @param name the store's name in the configuration, for messages. @throws CONFIG_INVALID */
  open(options: unknown, name: string): Promise<SecretStore>;
}

/** Ties the schema of a store to its factory, so that the factory gets checked options. */
export function storeKind<S extends z.ZodType>(kind: {
  options: S;
  oneHost?: boolean;
  location(options: z.output<S>): Record<string, string>;
  open(options: z.output<S>, name: string): Promise<SecretStore>;
}): StoreKind {
  return {
    options: kind.options,
    oneHost: kind.oneHost ?? false,
    location: (options) => kind.location(kind.options.parse(options)),
    open: async (options, name) => kind.open(kind.options.parse(options), name),
  };
}
