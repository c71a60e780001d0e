import type { AdminBudget } from "../ports/admin-budget.ts";
import type { AuditTrail } from "../ports/audit.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directory } from "../ports/directory.ts";
import type { IntakeLinks } from "../ports/intake-links.ts";
import type { KeyAdmin, KeyVerifier } from "../ports/key-admin.ts";
import type { Log, Notifier } from "../ports/notifier.ts";
import type { ConfigRegistry, HoldStore, Leases, RotationStore, ScanLog, Wakeups } from "../ports/rotations.ts";
import type { SecretStore, Stores } from "../ports/secret-store.ts";
import type { Settings } from "../ports/settings.ts";
import type { Destination } from "../rotation/record.ts";

/** Everything the use cases need of the world outside; `compose.ts` fills it in, tests put doubles of ports here. */
export interface Deps {
  clock: Clock;
  settings: Settings;
  admin: KeyAdmin;
  /** What `admin` counts its requests in; a destructive call is paid for before its last look. */
  budget: AdminBudget;
  verifier: KeyVerifier;
  stores: Stores;
  rotations: RotationStore;
  audit: AuditTrail;
  wakeups: Wakeups;
  leases: Leases;
  holds: HoldStore;
  registry: ConfigRegistry;
  scanLog: ScanLog;
  notifier: Notifier;
  /** Slack's people; null where Slack is not configured. */
  directory: Directory | null;
  links: IntakeLinks;
  log: Log;
  /** A new rotation id: `rot_` and 20 characters that sort by time. */
  newId(): string;
}

/** The store of a destination. */
export const storeOf = (deps: Pick<Deps, "stores">, dest: Destination): Promise<SecretStore> => deps.stores.of(dest);
