import { describe, expect, it } from "vitest";
import { together } from "../../src/redis/together.ts";

describe("a read shared by all who ask in one turn", () => {
  it("is sent once, after everybody has asked, and anew for whoever asks later", async () => {
    let sent = 0;
    const read = together(async () => (sent += 1));
    const first = [read(), read()];
    expect(sent).toBe(0);
    expect(await Promise.all(first)).toEqual([1, 1]);
    expect(await read()).toBe(2);
  });

  it("whoever asks while it is under way gets one of their own, which is newer than their question", async () => {
    let value = "old";
    const answers: (() => void)[] = [];
    const read = together(async () => {
      const seen = value;
      await new Promise<void>((resolve) => answers.push(resolve));
      return seen;
    });
    const early = read();
    await new Promise((resolve) => setImmediate(resolve));
    value = "new";
    const late = read();
    await new Promise((resolve) => setImmediate(resolve));
    for (const answer of answers) answer();
    expect(await Promise.all([early, late])).toEqual(["old", "new"]);
  });

  it("fails for all of them, and is tried again by the next", async () => {
    let broken = true;
    const read = together(async () => {
      if (broken) throw new Error("away");
      return "back";
    });
    const both = await Promise.allSettled([read(), read()]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    broken = false;
    expect(await read()).toBe("back");
  });
});
