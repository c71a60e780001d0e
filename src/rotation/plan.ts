import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Plan } from "./record.ts";

/** SHA-256 over the canonical JSON (RFC 8785) of the plan; an approval binds to it (R15). Full length: it is shown cut. */
export function planHashOf(plan: Plan): string {
  return createHash("sha256")
    .update(canonicalize(plan) ?? "")
    .digest("hex");
}
