import { createRedisMock } from "js-redis-server";
import { expect, it } from "vitest";
import { hold } from "../../src/app/hold.ts";
import { revoke } from "../../src/app/revoke.ts";
import { startLab } from "../support/lab.ts";

const ana = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;

it("R17, P8: a hold on a key of no target stops a revocation although Redis was emptied and no scan ran since", async () => {
  const redis = await createRedisMock();
  const lab = await startLab(redis.url);
  try {
    const seeded = await lab.console.seedKey({ name: "nobody's", ageDays: 10 });
    const { deps } = await lab.app();
    await hold(deps, seeded.key.id, ana);
    await redis.flush();
    await expect(revoke(deps, seeded.key.id, ana, { unmanaged: true })).rejects.toMatchObject({ code: "HELD" });
    expect((await deps.admin.getKey(seeded.key.id)).value?.status).toBe("active");
  } finally {
    await lab.close();
    await redis.close();
  }
});
