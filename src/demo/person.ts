import type { DemoOrganization } from "./organization.ts";
import { StepFailed } from "./failure.ts";
import { type Folder, TARGET } from "./folder.ts";
import type { Processes } from "./processes.ts";
import { shellWord } from "./timeline.ts";
import type { Watch } from "./watch.ts";

/** Says something at this moment. */
export type Say = (label: string, text: string, copy?: readonly string[]) => void;

export interface Scene {
  folder: Folder;
  organization: DemoOrganization;
  processes: Processes;
  watch: Watch;
  say: Say;
  /** How a person starts Keyturn here: `npm run -s keyturn --`. */
  keyturn: string;
}

/** More than any step takes; a person's own pace is not measured. */
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

/** Tells the person at the keyboard what to do, and reminds them. */
export async function askThePerson({ folder, organization, watch, say, keyturn }: Scene): Promise<void> {
  const command = (name: string) => `${keyturn} ${name} ${TARGET} --config ${shellWord(folder.configFile)}`;
  await watch.until(["awaiting_approval"], STEP_MS);
  const approve = () =>
    say("your turn", "look at the plan and approve it, in another terminal:", [command("show"), command("approve")]);
  approve();
  await watch.until(["awaiting_replacement"], null, approve);
  const submit = () =>
    say("your turn", "create a key in the Console and hand it over; the prompt shows nothing of it:", [
      `${organization.sandbox.url}/console`,
      command("submit"),
    ]);
  submit();
  await watch.until(
    ["verifying", "promoting", "propagating", "draining", "deactivating", "grace_period", "archiving", "completed"],
    null,
    submit,
  );
}

async function run(processes: Processes, args: readonly string[], stdin = ""): Promise<void> {
  const { exit, stderr } = await processes.keyturn(args, stdin);
  if (exit !== 0) throw new StepFailed(`keyturn ${args[0]} ended with ${exit ?? "a signal"}: ${stderr.trim()}`);
}
