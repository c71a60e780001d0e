/** One thing about a server that may lose what it confirmed. */
export interface SafetyProblem {
  setting: string;
  value: string;
  wanted: string;
  /** What a person runs or changes. */
  fix: string;
  /** `refuse`: rotations may be lost. `warn`: the last moments may be lost, or nobody can say. */
  severity: "refuse" | "warn";
}
