import { resolve } from "node:path";
import { awsSecretsManagerOptions } from "./aws-secrets-manager/options.ts";
import { dotenvFileOptions } from "./dotenv-file/options.ts";
import { googleLocation, googleSecretManagerOptions } from "./google-secret-manager/options.ts";
import { type StoreKind, storeKind } from "./kind.ts";

/**
 * The list of stores by `type`. Adding one is one folder, one entry here, one line in the contract tests. Each entry
 * loads its code and SDK inside `open`, so a process pays only for the stores it uses.
 */
export const STORES: Record<string, StoreKind> = {
  "dotenv-file": storeKind({
    options: dotenvFileOptions,
    oneHost: true,
    location: ({ directory }) => ({ directory: resolve(directory) }),
    open: async (options, name) => (await import("./dotenv-file/store.ts")).openDotenvFile(options, name),
  }),
  "aws-secrets-manager": storeKind({
    options: awsSecretsManagerOptions,
    location: ({ region, endpoint }) => ({ region, ...(endpoint === undefined ? {} : { endpoint }) }),
    open: async (options, name) =>
      (await import("./aws-secrets-manager/store.ts")).openAwsSecretsManager(options, name),
  }),
  "google-secret-manager": storeKind({
    options: googleSecretManagerOptions,
    location: googleLocation,
    open: async (options, name) =>
      (await import("./google-secret-manager/store.ts")).openGoogleSecretManager(options, name),
  }),
};
