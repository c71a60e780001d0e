import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { RULES_FILE, type Rule } from "./rules.ts";

/** So many times faster: an hour is 6 s, a day 144 s. */
export const FASTER = 600;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Our rules as they are shipped, for a world in which time goes faster: each `for`, and each age in seconds that an
 * expression compares with (`> 3600`, `> 6 * 3600`, `> 3 * 86400`), is divided. Nothing else is changed: neither what is
 * looked at, nor labels, nor words. Windows of `increase` stay, since they only look back.
 */
export function hurriedRules(): string {
  const document = parse(readFileSync(RULES_FILE, "utf8")) as { groups: { name: string; rules: Rule[] }[] };
  return stringify({
    groups: document.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replaceAll(
          /([<>]) (?:(\d+) \* )?(3600|86400)\b/g,
          (_, sign: string, times: string | undefined, seconds: string) =>
            `${sign} ${(Number(times ?? 1) * Number(seconds)) / FASTER}`,
        ),
        ...(rule.for === undefined ? {} : { for: hurried(rule.for) }),
      })),
    })),
  });
}

function hurried(duration: string): string {
  const [, count = "", unit = ""] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (!Number.isFinite(seconds)) throw new Error(`for: ${duration} is not understood`);
  return `${Math.round((seconds * 1000) / FASTER)}ms`;
}
