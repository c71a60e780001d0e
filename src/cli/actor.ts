import { hostname, userInfo } from "node:os";
import { KeyturnError } from "../rotation/errors.ts";
import type { Decider } from "../app/decisions.ts";
import type { Context } from "./command.ts";

/** Who runs this command, as the operating system says: asserted, not proven (R21). Not taken from the environment. */
export function cliActor() {
  let user: string;
  try {
    user = userInfo().username;
  } catch {
    // A numeric user without an entry, as in many containers.
    user = `uid-${process.getuid?.() ?? "unknown"}`;
  }
  return { name: `cli:${user}@${hostname()}`, via: "cli" } as const;
}

/** Options of every decision. */
export const DECISION_OPTIONS = { "break-glass": { type: "boolean" }, reason: { type: "string" } } as const;

/** The person behind a decision; `--break-glass` needs a reason. */
export function decider({ values }: Context): Decider {
  const reason = typeof values["reason"] === "string" ? values["reason"] : "";
  if (values["break-glass"] === true && reason.trim() === "")
    throw new KeyturnError("USAGE", "--break-glass needs --reason.");
  return { actor: cliActor(), breakGlass: values["break-glass"] === true ? { reason } : null };
}

export const text = (value: string | boolean | string[] | undefined): string | null =>
  typeof value === "string" ? value : null;
