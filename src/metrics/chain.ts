import type { AuditTrail } from "../ports/audit.ts";
import { type Family, gauge } from "./exposition.ts";

/** Reads the whole audit log now and then, because no scrape could wait for it. */
export interface ChainWatch {
  /** Nothing until a verification ended; what it said until the next one. */
  families(): Family[];
  /** Verifies once. Never throws; of several calls at once one works. */
  look(): Promise<void>;
}

export function createChainWatch(audit: Pick<AuditTrail, "verify">, now: () => number): ChainWatch {
  let last: { intact: boolean; at: number } | null = null;
  let running: Promise<void> | null = null;
  const look = async () => {
    // No readable sink, or one that cannot be read now: then there is no verdict, and an old one says when it was given.
    const verdict = await audit.verify().catch(() => null);
    if (verdict !== null) last = { intact: verdict.intact, at: now() };
  };
  return {
    look: () => (running ??= look().finally(() => (running = null))),
    families: () => [
      gauge(
        "keyturn_audit_chain_intact",
        "Whether the last verification of the audit file found its chain whole.",
        last === null ? null : Number(last.intact),
      ),
      gauge(
        "keyturn_audit_last_verified_timestamp_seconds",
        "When the chain of the audit file was last verified.",
        last === null ? null : last.at / 1000,
      ),
    ],
  };
}
