import { expect, it } from "vitest";
import type { Finding } from "../../../src/app/doctor/finding.ts";
import { runChecks } from "../../../src/app/doctor/run-checks.ts";
import { storeChecks } from "../../../src/app/doctor/stores.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import type { SecretText } from "../../../src/rotation/secret.ts";
import { makeKey } from "../../support/keys.ts";
import { aDestination } from "../../support/records.ts";
import { aRule, aTarget, someSettings } from "../../support/settings.ts";
import { type Ward, ward } from "./support.ts";

const targets = (n: number) => Array.from({ length: n }, (_, i) => aTarget(`t${i}`));

async function examined(at: Ward, more: Partial<Parameters<typeof someSettings>[0]> = {}): Promise<Finding[]> {
  const surroundings = at.surroundings({ settings: someSettings(more) });
  const running = runChecks(storeChecks(surroundings), at.clock);
  for (let i = 0; i < 20; i += 1) await at.clock.turn(5000);
  return running;
}

function filled(n: number): Ward {
  const at = ward();
  for (let i = 0; i < n; i += 1) at.store.put(`t${i}.env`, { ANTHROPIC_API_KEY: makeKey(`t${i}`) });
  return at;
}

it("500 targets are all tried, and 20 of them have a line", async () => {
  const lines = await examined(filled(500), { targets: targets(500) });
  expect(lines).toHaveLength(21);
  expect(lines[0]?.message).toBe(
    "500 of 500 destinations can be read, marked and staged to; 480 more have no line of their own",
  );
});

it("what is wrong comes before what is right, and is counted beyond the 20", async () => {
  const at = filled(500);
  at.store.fail = (call, dest) => {
    if (call === "preflight" && /[37]\.env$/.test(dest.secret)) throw new KeyturnError("STORE_DENIED", dest.secret);
  };
  const lines = await examined(at, { targets: targets(500) });
  expect(lines.map(({ level }) => level)).toEqual(Array.from({ length: 21 }, () => "fail"));
  expect(lines[0]?.message).toBe(
    "400 of 500 destinations can be read, marked and staged to; 480 more have no line of their own",
  );
});

it("a store that is down is not asked 500 times", async () => {
  const at = filled(500);
  let asked = 0;
  at.store.fail = () => {
    asked += 1;
    throw new KeyturnError("STORE_UNAVAILABLE");
  };
  const [own] = await examined(at, { targets: targets(500) });
  expect(asked).toBeLessThan(20);
  expect(own?.level).toBe("fail");
  expect(own?.message).toMatch(/^0 of 500 .* 4\d\d not tried$/);
});

it("a store that never answers is given up after 10 s, and the others are not held up", async () => {
  const at = filled(3);
  const surroundings = at.surroundings({
    settings: someSettings({
      targets: [aTarget("t0"), aTarget("t1", { destinations: [aDestination("t1.env", { store: "gone" })] })],
    }),
    configuration: { file: "k.yaml", stores: ["files", "gone"], warnings: [] },
    stores: {
      of: (dest) => (dest.store === "gone" ? new Promise(() => undefined) : Promise.resolve(at.store)),
      close: () => Promise.resolve(),
    },
  });
  const running = runChecks(storeChecks(surroundings), at.clock);
  await at.clock.turn(10_000);
  expect((await running).map(({ name, level }) => [name, level])).toEqual([
    ["store files", "pass"],
    ["destination files:t0.env#ANTHROPIC_API_KEY", "pass"],
    ["store gone", "fail"],
    ["destination gone:t1.env#ANTHROPIC_API_KEY", "fail"],
  ]);
});

it("R23: another installation's open rotation is reported and not even tried", async () => {
  const at = filled(1);
  const dest = aDestination("t0.env");
  await at.store.mark(dest, { v: "1", install: "other", rotation: "rot_0123456789abcdefghij" });
  const asked: string[] = [];
  at.store.fail = (call) => void asked.push(call);
  const [, line] = await examined(at, { targets: targets(1) });
  expect(line).toMatchObject({ level: "fail", message: 'installation "other" has an open rotation here' });
  expect(asked).not.toContain("preflight");
});

it("P3: what was read is wiped, also where it is not tried any further", async () => {
  const at = filled(2);
  await at.store.mark(aDestination("t1.env"), { v: "1", install: "other", rotation: "rot_0123456789abcdefghij" });
  const values: SecretText[] = [];
  const read = at.store.read.bind(at.store);
  at.store.read = async (dest) => {
    const found = await read(dest);
    if (found !== null) values.push(found.value);
    return found;
  };
  await examined(at, { targets: targets(2) });
  expect(values.map((value) => value.use((text) => /^\0+$/.test(text)))).toEqual([true, true]);
});

it("our own open rotation is no trouble", async () => {
  const at = filled(1);
  await at.store.mark(aDestination("t0.env"), { v: "1", install: "keyturn", rotation: "rot_0123456789abcdefghij" });
  expect((await examined(at, { targets: targets(1) }))[1]?.level).toBe("pass");
});

it("two fields of one secret are tried one after the other", async () => {
  const at = ward();
  at.store.put("two.env", { A: makeKey("a"), B: makeKey("b") });
  let inside = 0;
  let most = 0;
  const preflight = at.store.preflight.bind(at.store);
  at.store.preflight = async (dest) => {
    most = Math.max(most, (inside += 1));
    await Promise.resolve();
    await preflight(dest);
    inside -= 1;
  };
  const destinations = ["A", "B"].map((field) => aDestination("two.env", { field }));
  const lines = await examined(at, { targets: [aTarget("two", { destinations })] });
  expect([most, lines.every(({ level }) => level === "pass")]).toEqual([1, true]);
});

it.each([
  { when: "only rules use it", more: { targets: [], rules: [aRule()] }, level: "pass", says: "only rules use it" },
  { when: "nothing uses it", more: { targets: [] }, level: "warn", says: "no target and no rule uses it" },
])("a store when $when", async ({ more, level, says }) => {
  const lines = await examined(ward(), more);
  expect(lines).toMatchObject([{ name: "store files", level }]);
  expect(lines[0]?.message).toContain(says);
});
