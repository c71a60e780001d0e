import { describe, expect, it } from "vitest";
import { IdSet } from "../../src/anthropic/id-set.ts";

describe("the set of ids seen", () => {
  it("knows 300,000 ids again and takes none for another", () => {
    const set = new IdSet();
    const id = (n: number) => `apikey_01${n.toString(36).padStart(20, "A")}`;
    let taken = 0;
    let forgotten = 0;
    for (let n = 0; n < 300_000; n += 1) if (!set.add(id(n))) taken += 1;
    for (let n = 0; n < 300_000; n += 1) if (set.add(id(n))) forgotten += 1;
    expect({ taken, forgotten }).toEqual({ taken: 0, forgotten: 0 });
  });
});
