import { googleWorld } from "../support/google/world.ts";
import { secretStoreContract } from "./secret-store.contract.ts";

/**
 * Against our own gRPC server (test/support/google), driven by the official client: no independent server has etags,
 * checksums and a `latest` that may be disabled (facts: test-servers.md).
 */
secretStoreContract({
  name: "google-secret-manager, one field of a JSON payload",
  fields: true,
  keepsVersions: true,
  conditionalWrite: false,
  world: () => googleWorld({ fields: true, iam: true }),
});
secretStoreContract({
  name: "google-secret-manager, the whole payload, a server that cannot be asked for permissions",
  fields: false,
  keepsVersions: true,
  conditionalWrite: false,
  world: () => googleWorld({ fields: false, iam: false }),
});
