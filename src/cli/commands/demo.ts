import type { Command } from "../command.ts";

export const demo: Command = {
  name: "demo",
  usage: "[--manual [--exit-when-done]] [--dir <folder>]",
  summary: "a key's whole way, from old to archived, on embedded parts, in about a minute",
  positionals: [0, 0],
  options: { manual: { type: "boolean" }, "exit-when-done": { type: "boolean" }, dir: { type: "string" } },
  run: async (context) => (await import("./demonstrate.ts")).demonstrate(context),
};
