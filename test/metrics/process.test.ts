import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { createProcessMetrics } from "../../src/metrics/process.ts";
import { render } from "../../src/metrics/exposition.ts";
import { eventually } from "../support/quiet-log.ts";

const valueOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "m").exec(text)?.[1]);

it("the process tells its version, start, memory and processor time", () => {
  const text = render(createProcessMetrics({ version: "1.2.3", install: "keyturn", startedAt: 5000 })());
  expect(text).toContain(`keyturn_build_info{version="1.2.3",install="keyturn",node="${process.versions.node}"} 1\n`);
  expect(valueOf(text, "process_start_time_seconds")).toBe(5);
  for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "nodejs_heap_size_used_bytes"])
    expect([name, valueOf(text, name)]).toEqual([name, expect.closeTo(valueOf(text, name))]);
  expect(valueOf(text, "process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
});

it("an event loop that stood still shows in one scrape, and not in the next but one", async () => {
  const collect = createProcessMetrics({ version: "0", install: "keyturn", startedAt: 0 });
  collect();
  // What begins right after a scrape has no measurement before it to be compared with.
  await pause(50);
  const until = performance.now() + 300;
  while (performance.now() < until);
  // What stood still is measured when the loop turns again.
  let most = 0;
  await eventually(async () => {
    await pause(20);
    most = Math.max(most, valueOf(render(collect()), "nodejs_eventloop_lag_max_seconds") || 0);
    return most > 0.25;
  });
  await eventually(async () => {
    await pause(50);
    return valueOf(render(collect()), "nodejs_eventloop_lag_max_seconds") < 0.25;
  });
});
