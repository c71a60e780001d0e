import { type SandboxClient, sandboxClient } from "../sandbox/client.ts";
import { type Folder, writeEnvFile } from "./folder.ts";

/** The simulated organization with what the demo plants in it. */
export interface DemoOrganization {
  sandbox: SandboxClient;
  outgoing: { id: string; name: string; text: string };
  /** Keys that are none of this rotation's business. */
  bystanders: { id: string; name: string }[];
}

const AGES = { due: 91, young: 12, forgotten: 400 } as const;
/** Daily use up to yesterday, so that draining has a habit to compare with. */
const DAYS_OF_USE = 31;

/** Plants keys and use, and writes the dotenv files that hold them. */
export async function plant(url: string, folder: Folder): Promise<DemoOrganization> {
  const sandbox = sandboxClient(url);
  const outgoing = await sandbox.seedKey({ name: "app-key", ageDays: AGES.due });
  const young = await sandbox.seedKey({ name: "reports-key", ageDays: AGES.young });
  const forgotten = await sandbox.seedKey({ name: "forgotten-key", ageDays: AGES.forgotten });
  await sandbox.injectUsage({ keyId: outgoing.key.id, days: { count: DAYS_OF_USE, endingDaysAgo: 1, requests: 200 } });
  writeEnvFile(folder.envFile, "What the demo's application reads", outgoing.secret);
  writeEnvFile(folder.youngEnvFile, "Another application, whose key is young", young.secret);
  const named = ({ key }: typeof young) => ({ id: key.id, name: key.name });
  return {
    sandbox,
    outgoing: { ...named(outgoing), text: outgoing.secret },
    bystanders: [named(young), named(forgotten)],
  };
}

export const PLANTED = `app-key (${AGES.due} days old, used every day), reports-key (${AGES.young} days), forgotten-key (${AGES.forgotten} days, in no configuration)`;
