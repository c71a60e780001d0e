import { KeyturnError } from "../../rotation/errors.ts";
import type { Command } from "../command.ts";
import type * as Demonstrate from "./demonstrate.ts";

export const demo: Command = {
  name: "demo",
  usage: "[--manual [--exit-when-done]] [--dir <folder>]",
  summary: "a key's whole way, from old to archived, on embedded parts, in about a minute",
  positionals: [0, 0],
  options: { manual: { type: "boolean" }, "exit-when-done": { type: "boolean" }, dir: { type: "string" } },
  run: async (context) => (await loaded()).demonstrate(context),
};

/** An image has neither the demo nor the simulated services (scripts/image/compile.ts). */
async function loaded(): Promise<typeof Demonstrate> {
  try {
    return await import("./demonstrate.ts");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new KeyturnError("USAGE", "The demo is not part of a container image.", {
      next: "Run `npm run demo` in a checkout.",
    });
  }
}
