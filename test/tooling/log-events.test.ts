import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TRANSITIONS } from "../../src/rotation/states.ts";

/** `event: "x"` is also what moves and entries of a history are called; those are logged as `rotation.x`. */
const OF_HISTORY = new Set<string>([
  ...TRANSITIONS.map(([, event]) => event),
  "opened",
  "rebuilt",
  "attention_cleared",
]);
/** Logged under the name of their audit entry: `commitOpen` in src/app/commit.ts. */
const BY_ACTION = ["rotation.opened"];

interface Said {
  event: string;
  /** null: the call cannot be told from the text around. */
  level: string | null;
}

/** Every event in the sources; of a made name, `<…>` stands for what is put in. */
const SAID: readonly Said[] = globSync("{src,workers}/**/*.ts").flatMap((file) => {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/event: (?:"([^"]+)"|`([^`]+)`)/g)].flatMap((found) => {
    const event = found[1] ?? (found[2] ?? "").replaceAll(/\$\{(?:\w+\.)*(\w+)\}/g, "<$1>");
    if (OF_HISTORY.has(event) || event.startsWith("attention:")) return [];
    const before = text.slice(0, found.index);
    return [{ event, level: /\.(debug|info|warn|error)\(\s*\{\s*$/.exec(before)?.[1] ?? null }];
  });
});
const DOCUMENTED = new Map(
  [...readFileSync("docs/logs.md", "utf8").matchAll(/^\| `([^`]+)` \| (\w+) \|/gm)].map(
    ([, event = "", level = ""]) => [event, level],
  ),
);

describe("docs/logs.md", () => {
  it("has every event that the sources log, and none that they do not", () => {
    const said = new Set([...SAID.map(({ event }) => event), ...BY_ACTION]);
    expect([...DOCUMENTED.keys()].toSorted()).toEqual([...said].toSorted());
  });

  it("names the level; where an event has two, the milder one", () => {
    const order = ["debug", "info", "warn", "error"];
    const levels = new Map<string, string[]>();
    for (const { event, level } of SAID)
      if (level !== null)
        levels.set(
          event,
          [...(levels.get(event) ?? []), level].toSorted((a, b) => order.indexOf(a) - order.indexOf(b)),
        );
    expect(levels.size).toBeGreaterThan(60);
    for (const [event, [mildest]] of levels) expect([event, DOCUMENTED.get(event)]).toEqual([event, mildest]);
  });

  it("every call of the log names its event", () => {
    const nameless = globSync("{src,workers}/**/*.ts").flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\blog\??\.(?:debug|info|warn|error)\(\s*([^]{60})/g)]
        // What is put together before the call is found by the first test.
        .filter(([, given = ""]) => !/^(\{\s*event: |fields\b|line\b|\{ \.\.\.fields\b)/.test(given))
        .map(([call]) => `${file}: ${call}`),
    );
    expect(nameless).toEqual([]);
  });
});
