import { approve } from "../../app/approve.ts";
import { cancel, proceed, reject, retry, snooze } from "../../app/decisions.ts";
import { present, rotationNamed } from "../../app/find.ts";
import { reinstate } from "../../app/reinstate.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { DECISION_OPTIONS, decider, text } from "../actor.ts";
import type { Command, Context, Outcome } from "../command.ts";
import { rotationText } from "../format/rotation.ts";
import { parseInstant } from "../instant.ts";

/** Prints the rotation after the step, as every decision does. */
async function after(context: Context, rotation: Rotation): Promise<Outcome> {
  const view = await present((await context.app()).deps, rotation);
  return { json: view, text: rotationText(view) };
}

/** A command that decides on one rotation. */
function decision(
  name: string,
  summary: string,
  act: (context: Context, id: string) => Promise<Rotation>,
  usage = "<rotation> [--reason <text>]",
  options: Command["options"] = {},
): Command {
  return {
    name,
    usage,
    summary,
    positionals: [1, 1],
    options: { ...DECISION_OPTIONS, ...options },
    run: async (context) => {
      const { deps } = await context.app();
      const found = await rotationNamed(deps, context.positionals[0] as string);
      return after(context, await act(context, found.id));
    },
  };
}

const deps = async (context: Context) => (await context.app()).deps;

export const DECISIONS: readonly Command[] = [
  decision(
    "approve",
    "approve a rotation's plan as it is shown",
    async (c, id) => approve(await deps(c), id, decider(c)),
    "<rotation>",
  ),
  decision("reject", "decline a rotation; not proposed again for 7 days", async (c, id) =>
    reject(await deps(c), id, decider(c), text(c.values["reason"])),
  ),
  decision(
    "snooze",
    "put a proposal off until a time (at most 30 days)",
    async (c, id) => snooze(await deps(c), id, decider(c), parseInstant(text(c.values["until"]), Date.now())),
    "<rotation> --until <time or duration>",
    { until: { type: "string" } },
  ),
  decision("cancel", "stop a rotation and put the old value back", async (c, id) =>
    cancel(await deps(c), id, decider(c), text(c.values["reason"])),
  ),
  decision(
    "retry",
    "look again now, after the cause of an attention was removed",
    async (c, id) => retry(await deps(c), id, decider(c)),
    "<rotation>",
  ),
  decision(
    "proceed",
    "go on past a drain that cannot be decided",
    async (c, id) => {
      const reason = text(c.values["reason"]);
      if (reason === null) throw new KeyturnError("USAGE", "proceed needs --reason.");
      return proceed(await deps(c), id, decider(c), reason);
    },
    "<rotation> --reason <text>",
  ),
  decision(
    "reinstate",
    "make the outgoing key active again",
    async (c, id) => reinstate(await deps(c), id, decider(c)),
    "<rotation>",
  ),
];
