import { present, rotationNamed } from "../../app/find.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { STATES, isFinal } from "../../rotation/states.ts";
import { text } from "../actor.ts";
import type { Command } from "../command.ts";
import { rotationText } from "../format/rotation.ts";
import { parseDurationOption } from "../instant.ts";
import { suggest } from "../suggest.ts";

const LOOK_EVERY_MS = 200;

export const wait: Command = {
  name: "wait",
  usage: "<rotation> --for <state>[,attention] [--timeout <duration>]",
  summary: "wait until a rotation reaches a state: 0 reached, 75 not yet, 1 ended otherwise",
  positionals: [1, 1],
  options: { for: { type: "string" }, timeout: { type: "string" } },
  run: async (context) => {
    const wanted = (text(context.values["for"]) ?? "")
      .split(",")
      .map((s) => s.trim())
      .filter((s) => s !== "");
    const unknown = wanted.find((s) => s !== "attention" && !(s in STATES));
    if (unknown !== undefined || wanted.length === 0) {
      throw new KeyturnError(
        "USAGE",
        wanted.length === 0
          ? "wait needs --for <state>."
          : `There is no state "${unknown?.slice(0, 40)}".${suggest(unknown ?? "", Object.keys(STATES))}`,
      );
    }
    const timeoutMs = parseDurationOption("timeout", text(context.values["timeout"]), 60_000);
    const { deps } = await context.app();
    const until = deps.clock.now() + timeoutMs;
    let record = await rotationNamed(deps, context.positionals[0] as string);
    for (;;) {
      const reached = wanted.includes(record.state) || (wanted.includes("attention") && record.attention !== null);
      const now = deps.clock.now();
      if (reached || isFinal(record.state) || now >= until) {
        const view = await present(deps, record);
        return { json: view, text: rotationText(view), exit: reached ? 0 : isFinal(record.state) ? 1 : 75 };
      }
      await deps.clock.sleep(Math.min(LOOK_EVERY_MS, until - now));
      record = (await deps.rotations.load(record.id)) ?? record;
    }
  },
};
