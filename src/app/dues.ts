import { EXPIRY_NOTICE_MS, ageDays } from "../rotation/policy.ts";
import type { Instant } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";
import { type Group, judgeTargets } from "./scan/judge-targets.ts";
import type { Problem } from "./scan/report.ts";
import { survey } from "./scan/survey.ts";

/** When a target's key becomes due, and why. */
export interface Due {
  target: string;
  keyId: string;
  ageDays: number;
  dueAt: Instant;
  reason: string;
}

/** When the policy would propose it, were nothing to change: now for what is due already; null while only a person may. Pure. */
export function nextDue({
  candidate: c,
  verdict,
}: Pick<Group, "candidate" | "verdict">): { at: Instant; reason: string } | null {
  if (verdict.due) return { at: c.now, reason: verdict.reason };
  if (c.openRotationId !== null || c.rolledBack || verdict.reason === "problem") return null;
  const byAge = { at: c.createdAt + c.maxAgeMs, reason: "age" };
  const byExpiry =
    c.expiresAt === null
      ? null
      : { at: c.expiresAt - Math.min(EXPIRY_NOTICE_MS, (c.expiresAt - c.createdAt) / 2), reason: "expires_soon" };
  const first = byExpiry !== null && byExpiry.at < byAge.at ? byExpiry : byAge;
  return { at: Math.max(first.at, c.notBefore ?? 0, c.now), reason: first.reason };
}

/**
 * What becomes due within so many days, the soonest first, by the same reading as a scan's; changes nothing.
 * @throws ADMIN_* (69) when the keys cannot be read
 */
export async function dues(deps: Deps, days: number): Promise<{ due: Due[]; problems: Problem[] }> {
  const found = await survey(deps);
  try {
    const { groups, problems } = await judgeTargets(deps, found);
    const until = deps.clock.now() + days * 86_400_000;
    const due = groups.flatMap((group): Due[] => {
      const next = nextDue(group);
      if (next === null || next.at > until) return [];
      return group.targets.map((t) => ({
        target: t.target.name,
        keyId: group.key.id,
        ageDays: ageDays(group.candidate),
        dueAt: next.at,
        reason: next.reason,
      }));
    });
    return { due: due.toSorted((a, b) => a.dueAt - b.dueAt), problems: [...found.problems, ...problems] };
  } finally {
    found.wipe();
  }
}
