import { readFileSync } from "node:fs";
import { KeyturnError } from "../src/rotation/errors.ts";
import { SecretText } from "../src/rotation/secret.ts";

/** No secret of ours is near this size: a larger file is the wrong file. */
const LARGEST_BYTES = 64 * 1024;

/**
 * Reads a secret at the moment of use, so that a rotated file or variable is picked up. A trailing line end is cut.
 * Safe to repeat.
 * @param path where in the configuration the reference stands, for the message
 * @throws CONFIG_INVALID when the variable or file is missing, empty or not readable; the message names the reference
 */
export function resolveSecret(ref: string, path: string, env: NodeJS.ProcessEnv = process.env): SecretText {
  const fail = (what: string, next: string) =>
    new KeyturnError("CONFIG_INVALID", `${path}: ${ref}: ${what}.`, { next });
  if (ref.startsWith("env:")) {
    const name = ref.slice("env:".length);
    const value = env[name];
    if (value === undefined) throw fail("the environment variable is not set", `Set ${name}.`);
    return secretFrom(value) ?? raise(fail("the environment variable is empty", `Set ${name}.`));
  }
  if (!ref.startsWith("file:")) {
    throw new KeyturnError("CONFIG_INVALID", `${path}: must be a reference: env:NAME or file:/path.`);
  }
  const file = ref.slice("file:".length);
  let text: string;
  try {
    const bytes = readFileSync(file);
    if (bytes.length > LARGEST_BYTES) throw fail("the file is too large for a secret", `Check the path ${file}.`);
    text = bytes.toString("utf8");
    bytes.fill(0);
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    throw fail(
      `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`,
      `Check the path ${file}.`,
    );
  }
  return secretFrom(text) ?? raise(fail("the file is empty", `Write the secret into ${file}.`));
}

function secretFrom(text: string): SecretText | null {
  const line = text.replace(/[\r\n]+$/, "");
  return line.trim() === "" ? null : SecretText.from(line);
}

function raise(error: Error): never {
  throw error;
}
