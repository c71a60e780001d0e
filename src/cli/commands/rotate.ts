import { findRotation, present } from "../../app/find.ts";
import { revoke as revokeKey } from "../../app/revoke.ts";
import { rotate as rotateTarget } from "../../app/rotate.ts";
import { DECISION_OPTIONS, cliActor, decider, text } from "../actor.ts";
import type { Command } from "../command.ts";
import { rotationText } from "../format/rotation.ts";

export const rotate: Command = {
  name: "rotate",
  usage: "<target> [--reason <text>]",
  summary: "open a rotation now",
  positionals: [1, 1],
  options: { reason: { type: "string" } },
  run: async (context) => {
    const { deps } = await context.app();
    const record = await rotateTarget(
      deps,
      context.positionals[0] as string,
      cliActor(),
      text(context.values["reason"]),
    );
    const view = await present(deps, await findRotation(deps, record.id));
    return { json: view, text: rotationText(view) };
  },
};

export const revoke: Command = {
  name: "revoke",
  usage: "<target or key id> [--unmanaged]",
  summary: "deactivate a compromised key now; a replacement is asked for after",
  positionals: [1, 1],
  options: { ...DECISION_OPTIONS, unmanaged: { type: "boolean" } },
  run: async (context) => {
    const { deps } = await context.app();
    const done = await revokeKey(deps, context.positionals[0] as string, decider(context), {
      unmanaged: context.values["unmanaged"] === true,
    });
    const view = await present(deps, done.rotation);
    return { json: { ...view, message: done.message }, text: `${done.message}\n\n${rotationText(view)}` };
  },
};
