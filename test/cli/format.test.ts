import { describe, expect, it } from "vitest";
import { nextOf } from "../../src/cli/format/next.ts";
import { rotationList, rotationText } from "../../src/cli/format/rotation.ts";
import { relative, table } from "../../src/cli/format/table.ts";
import { STATES, type State, isFinal } from "../../src/rotation/states.ts";
import { viewOf } from "../../src/rotation/view.ts";
import { T0, aRotation } from "../redis/harness.ts";

const attention = {
  code: "outgoing_still_used" as const,
  message: "The outgoing key is still used past the drain limit.",
  next: "find what still uses it",
  since: T0,
  looks: 0,
};

describe("what a person is told of a rotation", () => {
  it.each(Object.keys(STATES) as State[])("%s: what happens next is a sentence, or it has ended", (state) => {
    const next = nextOf(viewOf(aRotation({ state })));
    expect(next === null).toBe(isFinal(state));
    expect(rotationText(viewOf(aRotation({ state })), T0)).toContain(`state         ${state}, since`);
  });

  it("an attention stands above everything but the name, with its own next step and no other", () => {
    const lines = rotationText(viewOf(aRotation({ state: "draining", attention }), []), T0).split("\n");
    expect(lines.findIndex((l) => l.startsWith("ATTENTION"))).toBe(3);
    expect(lines[4]).toBe("next          find what still uses it");
    expect(lines.filter((l) => l.startsWith("next"))).toHaveLength(1);
  });

  it("a list ends with what people have to do, as whole commands", () => {
    const views = [
      aRotation({ id: "rot_1" }),
      aRotation({ id: "rot_2", target: "b", state: "draining", attention }),
      aRotation({ id: "rot_3", target: "c", state: "verifying" }),
    ].map((r) => viewOf(r));
    const [, todo] = rotationList(views, T0).split("\n\nfor people\n");
    expect(todo?.split("\n")).toEqual([
      "  billing: an approver: keyturn approve rot_1 (or reject, or snooze --until 3d)",
      "  b: The outgoing key is still used past the drain limit.",
      "    find what still uses it",
    ]);
    expect(rotationList([], T0)).toBe("No such rotations.");
  });

  it.each([
    { ms: 0, said: "in 0 seconds" },
    { ms: 1000, said: "in 1 second" },
    { ms: -90_000, said: "2 minutes ago" },
    { ms: 36 * 3_600_000, said: "in 2 days" },
    { ms: -3_600_000, said: "1 hour ago" },
  ])("$ms ms from now is `$said`", ({ ms, said }) => expect(relative(new Date(T0 + ms).toISOString(), T0)).toBe(said));

  it("control characters in names are shown, and columns are as wide as their widest cell", () => {
    expect(
      table([
        ["a\u001b[31m", "b"],
        ["long name", "c"],
      ]),
    ).toBe("a�[31m     b\nlong name  c");
  });
});
