import { describe, expect, it } from "vitest";
import { formatLine, inWords, shellWord, timeOfDay, wrap } from "../../src/demo/timeline.ts";

const START = Date.UTC(2026, 10, 21, 9, 0, 0);

describe("a line of the timeline", () => {
  it("has the elapsed seconds, the state and what happened", () => {
    const line = { at: START + 3210, label: "promoting", text: "it answers live calls" };
    expect(formatLine(line, START, 100)).toBe("   3.2 s  promoting             it answers live calls");
  });

  it("continues under its text when it is longer than the terminal is wide", () => {
    const line = { at: START, label: "draining", text: "word ".repeat(30).trim() };
    const lines = formatLine(line, START, 80).split("\n");
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.every((each) => each.length <= 80)).toBe(true);
    expect(lines[1]).toMatch(/^ {32}word/);
  });

  it("never breaks a command, however narrow the terminal", () => {
    const command = `npm run -s keyturn -- approve app --config '/a folder/${"x".repeat(100)}/keyturn.yaml'`;
    const line = { at: START, label: "your turn", text: "approve it:", copy: [command] };
    expect(formatLine(line, START, 60).split("\n")).toContain(`    ${command}`);
  });

  it("shows an escape sequence in a key's name instead of obeying it", () => {
    expect(formatLine({ at: START, label: "x", text: "key \u001b[31mred" }, START, 100)).not.toContain("\u001b");
  });

  it("does not go below zero seconds for an event before its own start", () => {
    expect(formatLine({ at: START - 500, label: "x", text: "y" }, START, 100)).toMatch(/^ {3}0\.0 s/);
  });
});

describe("words", () => {
  it.each([
    { text: "a b c", width: 3, lines: ["a b", "c"] },
    { text: "longer-than-the-line b", width: 5, lines: ["longer-than-the-line", "b"] },
    { text: "", width: 5, lines: [""] },
  ])("wrap $text at $width", ({ text, width, lines }) => expect(wrap(text, width)).toEqual(lines));

  it.each([
    { ms: 4000, said: "4 s" },
    { ms: 400, said: "1 s" },
    { ms: 300_000, said: "5 min" },
  ])("say $ms ms as $said", ({ ms, said }) => expect(inWords(ms)).toBe(said));

  it("tell the time of day in UTC", () => expect(timeOfDay(START)).toBe("09:00:00"));

  it.each([
    { given: "/tmp/demo-1/keyturn.yaml", quoted: "/tmp/demo-1/keyturn.yaml" },
    { given: "/tmp/a b", quoted: "'/tmp/a b'" },
    { given: "it's", quoted: `'it'\\''s'` },
  ])("quote $given for a shell only where needed", ({ given, quoted }) => expect(shellWord(given)).toBe(quoted));
});
