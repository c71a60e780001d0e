import { describe, expect, it } from "vitest";
import { createOneAtATime } from "../../workers/one-at-a-time.ts";

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("one at a time per name", () => {
  it("runs one, keeps one waiting, and serves all later ones with the waiting one", async () => {
    const turns = createOneAtATime();
    const finish: (() => void)[] = [];
    const work = () => new Promise<void>((resolve) => finish.push(resolve));
    const all = [turns.run("a", work), turns.run("a", work), turns.run("a", work), turns.run("b", work)];
    await tick();
    expect([finish.length, turns.count(), turns.isRunning("a")]).toEqual([2, 2, true]);
    finish[0]?.();
    finish[1]?.();
    await tick();
    expect([finish.length, turns.count()]).toEqual([3, 1]);
    finish[2]?.();
    await Promise.all(all);
    expect([turns.count(), turns.isRunning("a")]).toEqual([0, false]);
  });

  it("a failure is its own: who waits runs all the same", async () => {
    const turns = createOneAtATime();
    const first = turns.run("a", () => Promise.reject(new Error("first")));
    const second = turns.run("a", async () => undefined);
    await expect(first).rejects.toThrow("first");
    await expect(second).resolves.toBeUndefined();
  });
});
