import type { Rotation } from "../../rotation/record.ts";
import { attend, settle } from "../settle.ts";
import type { Deps } from "../deps.ts";
import { isDoubt, proveDestinations } from "./evidence.ts";

/** Looks whether P1 holds again after a rotation was sent back for it; reads and live calls only. */
export async function recheck(deps: Deps, record: Rotation): Promise<Rotation> {
  const proof = await proveDestinations(deps, record, record.state === "draining" ? "replacement" : "any");
  if (isDoubt(proof))
    return attend(
      deps,
      record,
      proof.code === "verification_inconclusive" ? "replacement_unproven" : proof.code,
      proof.about,
    );
  const ownUse = { requests: record.ownUse.requests + proof.requests, tokens: record.ownUse.tokens + proof.tokens };
  return settle(deps, record, deps.clock.now(), { ownUse });
}
