import { parseArgs } from "node:util";
import { containsKey } from "../rotation/contains-key.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Command, Context } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { suggest } from "./suggest.ts";

const GLOBAL = {
  config: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * Refuses a command line that has a key in it before anything is looked up, stored or quoted: arguments are readable by
 * every user of the machine and stay in the shell's history. @throws USAGE
 */
export function refuseKeys(argv: readonly string[]): void {
  if (!argv.some(containsKey)) return;
  throw new KeyturnError(
    "USAGE",
    "An argument looks like a key; arguments are visible to others and stay in the shell's history.",
    {
      next: "Treat that key as leaked: disable it in the Console and create another. `keyturn submit` asks for keys, or reads stdin.",
    },
  );
}

/** `--json` and `--config <file>` may stand before the command as well: they are moved behind it. */
export function commandFirst(argv: readonly string[]): readonly string[] {
  const words = argv[0] === "--config" ? 2 : argv[0] === "--json" || argv[0]?.startsWith("--config=") ? 1 : 0;
  return words === 0 || argv.length <= words ? argv : commandFirst([...argv.slice(words), ...argv.slice(0, words)]);
}

/** The error for a command that does not exist, with what may have been meant. */
export function unknownCommand(argv: readonly string[]): KeyturnError {
  const given = argv[0] ?? "";
  const group = COMMANDS.filter((c) => c.name.startsWith(`${given} `));
  if (group.length > 0) {
    return new KeyturnError(
      "USAGE",
      `"${given}" is not a whole command. It is one of: ${group.map((c) => c.name).join(", ")}.`,
    );
  }
  const names = COMMANDS.flatMap((c) => [c.name, c.name.split(" ")[0] as string]);
  return new KeyturnError("USAGE", `There is no command "${given.slice(0, 40)}".${suggest(given, names)}`);
}

/** Options and positional arguments of one command. @throws USAGE; nothing that was typed but an option's name is quoted */
export function parse(command: Command, args: string[]): Pick<Context, "values" | "positionals"> {
  const options = { ...GLOBAL, ...command.options };
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    const [min, max] = command.positionals;
    if (values["help"] !== true && (positionals.length < min || positionals.length > max)) {
      throw new KeyturnError("USAGE", `Usage: keyturn ${`${command.name} ${command.usage}`.trim()}`, {
        next: `keyturn help ${command.name}`,
      });
    }
    return { values: values as Context["values"], positionals };
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    // The parser's text quotes what was typed, and somebody may have typed a secret: only the option's name is shown.
    const wrong = args.find((a) => a.startsWith("-") && !((a.replace(/^-+/, "").split("=")[0] as string) in options));
    const name = wrong?.split("=")[0] ?? "";
    const known = Object.keys(options);
    const what =
      wrong === undefined
        ? "An option lacks its value, or has one too many."
        : `There is no option ${name.slice(0, 30)}.${suggest(name.replace(/^-+/, ""), known, "--")}`;
    throw new KeyturnError("USAGE", what, { next: `keyturn help ${command.name}` });
  }
}
