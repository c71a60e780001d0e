import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { KeyturnError } from "../rotation/errors.ts";

export const FIELD = "ANTHROPIC_API_KEY";
/** Names that the timeline uses. */
export const TARGET = "app";
export const YOUNG_TARGET = "reports";

/** The demo's folder: everything it makes is in it and stays. */
export interface Folder {
  dir: string;
  /** What the application reads. */
  envFile: string;
  youngEnvFile: string;
  configFile: string;
  adminKeyFile: string;
  /** Only where people have a chat and a page. */
  slackTokenFile: string;
  slackSecretFile: string;
  signInFile: string;
  auditFile: string;
  serveLog: string;
  sandboxLog: string;
  googleLog: string;
  demoLog: string;
  sandbox: string;
  redis: string;
}

/** @param given null: a fresh folder under the temporary one. @throws USAGE when it is not empty */
export function makeFolder(given: string | null): Folder {
  const dir = given === null ? mkdtempSync(join(tmpdir(), "keyturn-demo-")) : resolve(given);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (readdirSync(dir).length > 0) {
      throw new KeyturnError("USAGE", `${dir} is not empty.`, { next: "Name an empty or a new folder with --dir." });
    }
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    throw new KeyturnError("USAGE", `${dir} cannot be used (${(error as NodeJS.ErrnoException).code ?? "unknown"}).`, {
      next: "Name an empty or a new folder with --dir.",
    });
  }
  const inside = (name: string) => join(dir, name);
  return {
    dir,
    envFile: inside("app.env"),
    youngEnvFile: inside("reports.env"),
    configFile: inside("keyturn.yaml"),
    adminKeyFile: inside("admin-key"),
    slackTokenFile: inside("slack-bot-token"),
    slackSecretFile: inside("slack-signing-secret"),
    signInFile: inside("sign-in-token"),
    auditFile: inside("audit.jsonl"),
    serveLog: inside("serve.log"),
    sandboxLog: inside("sandbox.log"),
    googleLog: inside("secret-manager.log"),
    demoLog: inside("demo.log"),
    sandbox: inside("sandbox"),
    redis: inside("redis"),
  };
}

/** A dotenv file as people write them: comments, another variable, and the key. */
export function writeEnvFile(file: string, title: string, key: string): void {
  const lines = [
    `# ${title}`,
    "DATABASE_URL=postgres://localhost/app",
    "",
    "# Claude API",
    `${FIELD}=${key}`,
    "LOG_LEVEL=info",
    "",
  ];
  writeFileSync(file, lines.join("\n"), { mode: 0o600 });
}

const KEY_LINE = new RegExp(`^${FIELD}=(.*)$`, "m");

/** What an application gets from its dotenv file; empty when there is none. */
export const keyIn = (file: string): string => KEY_LINE.exec(readFileSync(file, "utf8"))?.[1] ?? "";

/** The file without the value of the key: what nobody may change. */
export const restOf = (file: string): string => readFileSync(file, "utf8").replace(KEY_LINE, `${FIELD}=`);
