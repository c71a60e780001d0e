import { type HoldResult, hold as setHold, unhold as liftHold } from "../../app/hold.ts";
import { DECISION_OPTIONS, decider } from "../actor.ts";
import type { Command, Outcome } from "../command.ts";

const told = (r: HoldResult): Outcome => ({
  json: { schema: 1, ...r },
  text: r.held
    ? `${r.subject} is held: nothing destructive happens until keyturn unhold ${r.subject}.`
    : `${r.subject} is no longer held.`,
});

export const hold: Command = {
  name: "hold",
  usage: "<target or key id>",
  summary: "nothing destructive happens to it, whatever else is said",
  positionals: [1, 1],
  options: DECISION_OPTIONS,
  run: async (context) =>
    told(await setHold((await context.app()).deps, context.positionals[0] as string, decider(context))),
};

export const unhold: Command = {
  name: "unhold",
  usage: "<target or key id>",
  summary: "lift a hold",
  positionals: [1, 1],
  options: DECISION_OPTIONS,
  run: async (context) =>
    told(await liftHold((await context.app()).deps, context.positionals[0] as string, decider(context))),
};
