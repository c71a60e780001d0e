import { beforeEach, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { observe } from "../../src/app/observe.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { type State, STATES } from "../../src/rotation/states.ts";
import { aDestination } from "../support/records.ts";
import { type World, makeWorld } from "../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
/** Whose marks are not asked for: nothing is done yet, or an emergency must not wait for a secrets manager. */
const WITHOUT = new Set<State>(["awaiting_approval", "revoking", "reinstating"]);
const OPEN = (Object.entries(STATES) as [State, string | null][]).flatMap(([s, next]) => (next === null ? [] : [s]));

let world: World;
beforeEach(async () => {
  world = makeWorld();
  world.setTarget("billing", world.org.addKey({ name: "old", ageDays: 100 }), {
    destinations: [aDestination("a.env")],
  });
  await scan(world.deps, { dryRun: false });
  await approve(world.deps, ID, BY);
  await world.work();
  const key = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, key.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
});

it.each(OPEN)("R16: a record in %s is compared with its marks, unless nothing may wait for them", async (state) => {
  const seen = await observe(world.deps, { ...(await world.rotation(ID)), state });
  if (WITHOUT.has(state)) expect(seen.marks).toBeNull();
  else expect(seen.marks?.revision).toBeGreaterThan(0);
});
it("R4: a revocation does not wait for a secrets manager that is away", async () => {
  const record = { ...(await world.rotation(ID)), state: "revoking" as const };
  const away = {
    ...world.deps,
    stores: { ...world.deps.stores, of: () => Promise.reject(new KeyturnError("STORE_UNAVAILABLE")) },
  };
  await expect(observe(away, record)).resolves.toMatchObject({ outgoing: "active" });
});
