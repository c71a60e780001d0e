import { describe, expect, it } from "vitest";
import { drives } from "../support/drives.ts";

describe("looking at a rotation that only waits", () => {
  const start = drives();

  it("saves nothing, however often: each save would leave one more wake-up behind for the same moment", async () => {
    const d = await start();
    const woken: string[] = [];
    d.deps.wakeups = { wake: async (_id, revision, delayMs) => void woken.push(`r${revision} ${delayMs > 0}`) };
    const { id } = await d.open();
    const settled = await d.step(id);
    for (let look = 0; look < 5; look += 1) expect(await d.step(id)).toEqual(settled);
    expect(woken).toEqual(["r1 false", `r${settled.revision} true`]);
  });

  it("saves what changed: trouble that is over", async () => {
    const d = await start();
    const { id } = await d.open();
    const settled = await d.step(id);
    const fault = { kind: "status", status: 503 } as const;
    const rule = await d.console.addFault({ match: { path: "/api_keys/" }, times: null, fault });
    const troubled = await d.step(id);
    expect(troubled.retry?.attempts).toBe(1);
    await d.console.removeFault(rule);
    expect((await d.step(id)).retry).toBeNull();
    expect(troubled.revision).toBeGreaterThan(settled.revision);
  });
});
