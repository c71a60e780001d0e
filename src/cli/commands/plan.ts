import { dues } from "../../app/dues.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { text } from "../actor.ts";
import type { Command } from "../command.ts";
import { table } from "../format/table.ts";

const DAY = 86_400_000;

export const plan: Command = {
  name: "plan",
  usage: "[--days 90]",
  summary: "what will become due when",
  positionals: [0, 0],
  options: { days: { type: "string" } },
  run: async (context) => {
    const days = Number(text(context.values["days"]) ?? "90");
    if (!Number.isInteger(days) || days < 0 || days > 3650)
      throw new KeyturnError("USAGE", "--days is a whole number from 0 to 3650.");
    const { deps } = await context.app();
    const found = await dues(deps, days);
    const now = deps.clock.now();
    const due = found.due.map((d) => ({
      ...d,
      dueAt: new Date(d.dueAt).toISOString(),
      inDays: Math.max(0, Math.ceil((d.dueAt - now) / DAY)),
    }));
    const rows = due.map((t) => [
      t.target,
      `${t.ageDays} d`,
      t.dueAt.slice(0, 10),
      t.inDays === 0 ? "now" : `in ${t.inDays} days`,
    ]);
    const shown =
      rows.length === 0 ? `Nothing becomes due within ${days} days.` : table([["TARGET", "AGE", "DUE", ""], ...rows]);
    return { json: { schema: 1, days, due, problems: found.problems }, text: shown };
  },
};
