import { present, rotationNamed } from "../../app/find.ts";
import type { Command } from "../command.ts";
import { rotationText } from "../format/rotation.ts";

export const show: Command = {
  name: "show",
  usage: "<rotation>",
  summary: "one rotation with its history and what is next",
  positionals: [1, 1],
  run: async (context) => {
    const { deps } = await context.app();
    const view = await present(deps, await rotationNamed(deps, context.positionals[0] as string));
    return { json: view, text: rotationText(view) };
  },
};
