import type { SecretStore } from "../../ports/secret-store.ts";
import type { Destination } from "../../rotation/record.ts";
import { readPaste } from "../../rotation/intake-format.ts";
import { describeDestination } from "../../rotation/locks.ts";
import { readMarkFacts } from "../../rotation/marks.ts";
import { foreignInstall } from "../marking.ts";
import { type Finding, fail, pass, warn } from "./finding.ts";
import { tryStaging } from "./staging.ts";

export const nameOf = (dest: Destination): string => `destination ${describeDestination(dest)}`;

/**
 * Reads a destination as applications do and its marks, proves that it can be marked, and stages and discards a value; what
 * applications read stays as it is, and nothing is left behind. Another installation's open rotation is left alone (R23).
 * @throws STORE_*
 */
export async function tryDestination(store: SecretStore, dest: Destination, install: string): Promise<Finding> {
  const name = nameOf(dest);
  const facts = readMarkFacts(await store.readMarks(dest));
  const found = await store.read(dest);
  if (found === null)
    return fail(
      name,
      "it does not exist, or its field is empty",
      "Put the key in use there once; Keyturn replaces values, it does not make them up.",
    );
  const isKey = found.value.use((text) => readPaste(text).ok);
  found.value.wipe();
  const other = foreignInstall(facts, install);
  if (other !== null)
    return fail(
      name,
      `installation "${other}" has an open rotation here`,
      `Take it out of the configuration of one of the two, or let "${other}" finish first.`,
    );
  await store.preflight(dest);
  const untried = await tryStaging(store, dest, facts);
  if (!isKey)
    return warn(
      name,
      "readable and writable, but its value does not look like an API key",
      "Correct the secret or the field: a scan finds no key for this value.",
    );
  if (facts.install !== null && facts.install !== install)
    return warn(
      name,
      `readable and writable; installation "${facts.install}" rotated it last`,
      "Make sure that only one installation has it in its configuration.",
    );
  if (untried !== null) return pass(name, `read; marking and staging are permitted; nothing was staged: ${untried}`);
  return pass(name, "read; marking is permitted; a value was staged, read back and discarded");
}
