import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STATES, type State } from "../../src/rotation/states.ts";

const PAGE = join(import.meta.dirname, "../../docs/promises.md");
const BEGIN = "<!-- kill points: begin -->";
const END = "<!-- kill points: end -->";

/** The table of docs/promises.md: a row per state in the order of the state machine, its calls by name. */
export function tableOf(names: readonly string[]): string {
  const byState = new Map<string, Set<string>>();
  for (const name of names) {
    const [state = "", call = ""] = name.split("/");
    byState.set(state, (byState.get(state) ?? new Set()).add(call));
  }
  const rows = (Object.keys(STATES) as State[]).flatMap((state) => {
    const calls = byState.get(state);
    return calls === undefined
      ? []
      : [
          `| ${state} | ${[...calls]
            .toSorted()
            .map((call) => `\`${call}\``)
            .join(", ")} |`,
        ];
  });
  const known = new Set<string>(Object.keys(STATES));
  const others = [...byState.keys()].filter((state) => !known.has(state));
  if (others.length > 0) throw new Error(`calls outside any state: ${others.join(", ")}`);
  return ["| state | killed before and after each of |", "|---|---|", ...rows].join("\n");
}

export async function readKillPoints(): Promise<string> {
  const page = await readFile(PAGE, "utf8");
  return page.slice(page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)).trim();
}

export async function writeKillPoints(table: string): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  await writeFile(
    PAGE,
    `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n\n${table}\n\n${page.slice(page.indexOf(END))}`,
  );
}
