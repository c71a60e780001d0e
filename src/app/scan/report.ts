import type { NotDue, ProblemCode, Reason } from "../../rotation/codes.ts";

/** One line of the report: a target, its key and whether it is due. Unknown is null. */
export interface TargetReport {
  name: string;
  keyId: string | null;
  keyHint: string | null;
  ageDays: number | null;
  due: boolean;
  reason: Reason | NotDue | null;
  message: string;
}
export interface Problem {
  code: ProblemCode;
  /** null: it belongs to no target. */
  target: string | null;
  message: string;
}
/** What `scan --json` prints; documented, so add and never rename. */
export interface ScanResult {
  schema: 1;
  targets: TargetReport[];
  /** Ids of rotations. */
  opened: string[];
  rebuilt: string[];
  /** Active keys that no target and no open rotation holds. */
  unmanaged: { keyId: string; name: string; ageDays: number }[];
  problems: Problem[];
}
