import type { Lease } from "../ports/rotations.ts";
import { destinationId } from "../rotation/locks.ts";
import type { Destination } from "../rotation/record.ts";
import { type Deps, storeOf } from "./deps.ts";

const LEASE_MS = 60_000;

/**
 * For whoever writes what applications read: managers that cannot refuse a stale write are written by one process at a time
 * (R10). null: this one can. @throws LOCK_HELD (75) while another process writes
 */
export async function writeLease(deps: Deps, dest: Destination): Promise<Lease | null> {
  const { conditionalWrite } = await storeOf(deps, dest);
  return conditionalWrite ? null : deps.leases.acquire(`write:${destinationId(dest)}`, LEASE_MS);
}
