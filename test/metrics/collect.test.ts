import { describe, expect, it } from "vitest";
import { createCollector } from "../../src/metrics/collect.ts";
import { gauge } from "../../src/metrics/exposition.ts";

const own = () => [gauge("own", "Help.", 1)];
const records = () => [gauge("records", "Help.", 1)];
const failing = () => Promise.reject(new Error("away"));

describe("collecting for a scrape", () => {
  it("scrapes at the same time share one collection, a later one has its own", async () => {
    let times = 0;
    const gate = Promise.withResolvers<void>();
    const collect = createCollector({
      own,
      parts: {
        records: async () => {
          times++;
          await gate.promise;
          return records();
        },
      },
    });
    const scrapes = [collect(), collect(), collect()];
    gate.resolve();
    const texts = new Set(await Promise.all(scrapes));
    expect([times, texts.size]).toEqual([1, 1]);
    await collect();
    expect(times).toBe(2);
  });

  it("a part that fails is left out and says so; the others and what the process knows itself stay", async () => {
    const collect = createCollector({ own, parts: { records: async () => records(), queue: failing } });
    const text = await collect();
    expect(text).toContain("\nown 1\n");
    expect(text).toContain("\nrecords 1\n");
    expect(text).toContain('keyturn_collection_success{part="records"} 1\n');
    expect(text).toContain('keyturn_collection_success{part="queue"} 0\n');
  });

  it("a part that hangs is waited for until the limit, and is not begun a second time meanwhile", async () => {
    let begun = 0;
    const gate = Promise.withResolvers<void>();
    const hanging = async () => {
      begun++;
      await gate.promise;
      return records();
    };
    const collect = createCollector({ own, parts: { records: hanging }, limitMs: 20 });
    for (let n = 0; n < 3; n++) expect(await collect()).toContain('keyturn_collection_success{part="records"} 0\n');
    expect(begun).toBe(1);
    gate.resolve();
    await gate.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(await collect()).toContain('keyturn_collection_success{part="records"} 1\n');
  });
});
