import { present, rotationNamed } from "../../app/find.ts";
import { submit as submitKey } from "../../app/intake/submit.ts";
import { cliActor, text } from "../actor.ts";
import type { Command } from "../command.ts";
import { rotationText } from "../format/rotation.ts";
import { readSecret } from "../read-secret.ts";

export const submit: Command = {
  name: "submit",
  usage: "<rotation> [--key-id <id>] [--replace] [--accept-expiry]",
  summary: "hand over the replacement key: hidden prompt or stdin, never an argument",
  positionals: [1, 1],
  options: { "key-id": { type: "string" }, replace: { type: "boolean" }, "accept-expiry": { type: "boolean" } },
  run: async (context) => {
    const { deps } = await context.app();
    const found = await rotationNamed(deps, context.positionals[0] as string);
    const pasted = await readSecret(
      context.stderr,
      `Replacement key for ${found.target ?? found.id} (hidden): `,
      context.stdin,
    );
    const done = await submitKey(deps, found.id, pasted, cliActor(), {
      keyId: text(context.values["key-id"]),
      replace: context.values["replace"] === true,
      acceptExpiry: context.values["accept-expiry"] === true,
    });
    const view = await present(deps, done.rotation);
    const notes = [
      ...(done.alreadyAccepted ? ["already accepted"] : ["accepted"]),
      ...done.warnings.map((w) => `warning: ${w}`),
    ];
    return {
      json: { ...view, accepted: true, alreadyAccepted: done.alreadyAccepted, warnings: done.warnings },
      text: `${notes.join("\n")}\n\n${rotationText(view)}`,
    };
  },
};
