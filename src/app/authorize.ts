import type { Actor, Settings } from "../ports/settings.ts";
import { KeyturnError } from "../rotation/errors.ts";

/** How a decision was allowed; `breakGlass` is shown everywhere the decision is. */
export interface Allowed {
  breakGlass: boolean;
}

/**
 * Whether this person may decide (R21). On a terminal identity is only asserted; `*` lets everybody who can run the
 * command decide, an empty list nobody. `--break-glass` is always possible and always loud.
 * @throws NOT_AN_APPROVER (77)
 */
export function authorize(settings: Settings, actor: Actor, breakGlass: { reason: string } | null): Allowed {
  if (actor.via !== "cli") return { breakGlass: false };
  const name = actor.name.replace(/^cli:/, "");
  const listed = settings.approvers.cli.includes("*") || settings.approvers.cli.includes(name);
  if (listed) return { breakGlass: false };
  if (breakGlass !== null) return { breakGlass: true };
  throw new KeyturnError("NOT_AN_APPROVER", `${name} is not in approvers.cli.`);
}
