import { listRotations, present } from "../../app/find.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { STATES } from "../../rotation/states.ts";
import { text } from "../actor.ts";
import type { Command } from "../command.ts";
import { rotationList } from "../format/rotation.ts";
import { suggest } from "../suggest.ts";

export const list: Command = {
  name: "list",
  usage: "[--all] [--state <state>] [--target <target>]",
  summary: "open rotations, or all",
  positionals: [0, 0],
  options: { all: { type: "boolean" }, state: { type: "string" }, target: { type: "string" } },
  run: async (context) => {
    const state = text(context.values["state"]);
    if (state !== null && !(state in STATES)) {
      throw new KeyturnError(
        "USAGE",
        `There is no state "${state.slice(0, 40)}".${suggest(state, Object.keys(STATES))}`,
      );
    }
    const { deps } = await context.app();
    const found = await listRotations(deps, {
      all: context.values["all"] === true,
      state,
      target: text(context.values["target"]),
    });
    const views = await Promise.all(found.map((r) => present(deps, r)));
    return { json: views, text: rotationList(views) };
  },
};
