import type { Command } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";

const EXITS = `Exit codes: 0 done or already so · 1 failed, or a check found an error · 64 unknown command, flag, rotation or target
65 key refused · 69 Redis, Admin API, store or sink unreachable · 75 right request, wrong time · 77 not an approver
78 bad configuration`;

const GLOBALS = `  --config <file>   configuration; else $KEYTURN_CONFIG, else config/keyturn.yaml
  --json            one JSON document on stdout
  -h, --help        help for a command`;

/** What `keyturn` alone prints. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map((c) => `${c.name} ${c.usage}`.length));
  const lines = COMMANDS.map((c) => `  ${`${c.name} ${c.usage}`.padEnd(Math.min(width, 56))}  ${c.summary}`);
  return `Rotates Anthropic (Claude) API keys with a person's approval, and never leaves an application without a working key.

Usage: keyturn <command> [options]

${lines.join("\n")}

${GLOBALS}

A rotation is named by its id, a unique prefix of it, or its target.
${EXITS}
`;
}

/** What `keyturn help <command>` prints. */
export function helpFor(command: Command): string {
  const own = Object.entries(command.options ?? {}).map(
    ([name, o]) => `  --${name}${o.type === "string" ? " <value>" : ""}`,
  );
  return `keyturn ${command.name} ${command.usage}

${command.summary}

${[...own, GLOBALS].join("\n")}
`;
}
