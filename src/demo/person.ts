import type { DemoOrganization } from "./organization.ts";
import { StepFailed } from "./failure.ts";
import { type Folder, TARGET } from "./folder.ts";
import type { Processes } from "./processes.ts";
import type { Watch } from "./watch.ts";

/** Says something at this moment. */
export type Say = (label: string, text: string, copy?: readonly string[]) => void;

export interface Scene {
  folder: Folder;
  organization: DemoOrganization;
  processes: Processes;
  watch: Watch;
  say: Say;
}

/** More than any step takes. */
const STEP_MS = 60_000;

/** Plays approver and operator with the commands that people use. */
export async function playBothPeople({ folder, organization, processes, watch, say }: Scene): Promise<void> {
  await watch.until(["awaiting_approval"], STEP_MS);
  say("the approver", `keyturn approve ${TARGET}`);
  await run(processes, ["approve", TARGET, "--config", folder.configFile]);
  await watch.until(["awaiting_replacement"], STEP_MS);
  const { key, secret } = await organization.sandbox.createKey({ name: "app-key-2" });
  say(
    "the operator",
    `creates ${key.name} in the Console, where it is shown once, and pastes it into: keyturn submit ${TARGET}`,
  );
  await run(processes, ["submit", TARGET, "--config", folder.configFile], `${secret}\n`);
}

async function run(processes: Processes, args: readonly string[], stdin = ""): Promise<void> {
  const { exit, stderr } = await processes.keyturn(args, stdin);
  if (exit !== 0) throw new StepFailed(`keyturn ${args[0]} ended with ${exit ?? "a signal"}: ${stderr.trim()}`);
}
