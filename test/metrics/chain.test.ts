import { describe, expect, it } from "vitest";
import type { ChainVerdict } from "../../src/ports/audit.ts";
import { createChainWatch } from "../../src/metrics/chain.ts";
import { render } from "../../src/metrics/exposition.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { NOON } from "../support/records.ts";

const INTACT: ChainVerdict = {
  intact: true,
  head: null,
  entries: 1,
  epochs: 1,
  unshippedTail: 0,
  source: "audit.jsonl",
};
const BROKEN: ChainVerdict = {
  intact: false,
  firstBad: { epoch: 1, seq: 7 },
  why: "its hash does not fit",
  entries: 9,
  source: "audit.jsonl",
};

describe("the audit chain", () => {
  it.each([
    { verdict: INTACT, value: 1 },
    { verdict: BROKEN, value: 0 },
  ])(
    "a verification that says intact: $verdict.intact is shown as $value, with its time",
    async ({ verdict, value }) => {
      const watch = createChainWatch({ verify: async () => verdict }, () => NOON);
      expect(watch.families().flatMap((f) => f.samples)).toEqual([]);
      await watch.look();
      const text = render(watch.families());
      expect(text).toContain(`\nkeyturn_audit_chain_intact ${value}\n`);
      expect(text).toContain(`\nkeyturn_audit_last_verified_timestamp_seconds ${NOON / 1000}\n`);
    },
  );

  it("without a sink that can be read there is no verdict, and no wrong one", async () => {
    const watch = createChainWatch({ verify: () => Promise.reject(new KeyturnError("SINK_UNAVAILABLE")) }, () => NOON);
    await watch.look();
    expect(render(watch.families())).toBe("");
  });

  it("two looks at once are one", async () => {
    let times = 0;
    const watch = createChainWatch({ verify: async () => (times++, INTACT) }, () => NOON);
    await Promise.all([watch.look(), watch.look()]);
    expect(times).toBe(1);
  });
});
