import { describe, expect, it } from "vitest";
import { describeDestination, destinationId, locksOf, physicalIdOf } from "../../src/rotation/locks.ts";
import { STATES, type State, isFinal } from "../../src/rotation/states.ts";
import { promotedProgress, rotationIn } from "../support/observations.ts";
import { NOON, aDestination, aKey, aPlan } from "../support/records.ts";

const plan = aPlan({
  targets: ["billing", "reports"],
  destinations: [aDestination("a.env"), aDestination("a.env", { field: "OTHER" }), aDestination("b.env")],
});
const KEY = "key:apikey_out";
const TARGETS = ["target:billing", "target:reports"];
const SECRETS = ["secret:dotenv-file(directory=secrets)/a.env", "secret:dotenv-file(directory=secrets)/b.env"];
const ALL = [...TARGETS, KEY, ...SECRETS];
const staged = { plan, replacement: aKey("apikey_new") };
const locks = (state: State, more = {}): string[] => locksOf(rotationIn(state, { plan, ...more }));

describe("R5, R3: what a rotation occupies", () => {
  it.each<{ state: State; when: string; given?: object; occupies: string[] }>([
    { state: "awaiting_approval", when: "just opened", occupies: [...TARGETS, KEY] },
    { state: "awaiting_approval", when: "R15: with a value kept over a changed plan", given: staged, occupies: ALL },
    { state: "awaiting_replacement", when: "nothing handed over yet", occupies: [...TARGETS, KEY] },
    {
      state: "awaiting_replacement",
      when: "R20: intake is writing, under its lease",
      given: { lease: { holder: "submit", until: NOON } },
      occupies: ALL,
    },
    { state: "awaiting_replacement", when: "a value is accepted", given: staged, occupies: ALL },
    { state: "revoking", when: "nothing staged", occupies: [...TARGETS, KEY] },
    { state: "revoking", when: "a value staged", given: staged, occupies: ALL },
    { state: "verifying", when: "from the first stage", occupies: ALL },
    { state: "promoting", when: "until promoted", occupies: ALL },
    { state: "propagating", when: "promoted: the secret is free for the next", occupies: [...TARGETS, KEY] },
    { state: "draining", when: "the target is not", occupies: [...TARGETS, KEY] },
    { state: "deactivating", when: "the target is not", occupies: [...TARGETS, KEY] },
    { state: "grace_period", when: "only the outgoing key: the target may rotate again", occupies: [KEY] },
    { state: "archiving", when: "only the outgoing key", occupies: [KEY] },
    { state: "reinstated", when: "only the outgoing key", occupies: [KEY] },
    {
      state: "reinstating",
      when: "from grace",
      given: { ...staged, progress: [promotedProgress()] },
      occupies: [KEY],
    },
    { state: "reinstating", when: "before promotion", given: staged, occupies: ALL },
    { state: "rolling_back", when: "values go back and pending ones away", given: staged, occupies: ALL },
    { state: "rolling_back", when: "nothing was ever staged", occupies: [...TARGETS, KEY] },
  ])("$state, $when", ({ state, given, occupies }) => {
    expect(locks(state, given).sort()).toEqual([...occupies].sort());
  });

  it.each((Object.keys(STATES) as State[]).filter(isFinal))("`%s` occupies nothing", (state) => {
    expect(locks(state, staged)).toEqual([]);
  });

  it.each((Object.keys(STATES) as State[]).filter((s) => !isFinal(s)))(
    "P6: `%s` occupies its outgoing key",
    (state) => {
      expect(locks(state)).toContain(KEY);
    },
  );

  it("R4: a key without target occupies itself alone", () => {
    const unmanaged = aPlan({ targets: [], destinations: [] });
    expect(locksOf(rotationIn("revoking", { target: null, plan: unmanaged }))).toEqual([KEY]);
  });
});

describe("R3: one physical secret has one name, whatever the field, the store's name and the order of its settings", () => {
  const dest = aDestination("prod/app", {
    store: "prod",
    type: "aws-secrets-manager",
    location: { region: "eu-central-1", endpoint: "http://127.0.0.1:1" },
    field: "KEY",
  });

  it.each([
    { what: "another field", other: { ...dest, field: null }, same: true },
    { what: "another name of the store", other: { ...dest, store: "production" }, same: true },
    {
      what: "settings in another order",
      other: { ...dest, location: { endpoint: "http://127.0.0.1:1", region: "eu-central-1" } },
      same: true,
    },
    { what: "another region", other: { ...dest, location: { ...dest.location, region: "eu-west-1" } }, same: false },
    { what: "another kind of store", other: { ...dest, type: "hashicorp-vault" }, same: false },
    { what: "another secret", other: { ...dest, secret: "prod/app2" }, same: false },
  ])("$what: the same secret is $same", ({ other, same }) => {
    expect(physicalIdOf(other) === physicalIdOf(dest)).toBe(same);
  });

  it("a destination is named down to the field", () => {
    expect(destinationId(dest)).toBe(`${physicalIdOf(dest)}#KEY`);
    expect(destinationId({ ...dest, field: null })).toBe(physicalIdOf(dest));
    expect(destinationId(dest)).not.toBe(destinationId({ ...dest, field: "OTHER" }));
  });

  it("people read the store's name from the configuration", () => {
    expect(describeDestination(dest)).toBe("prod:prod/app#KEY");
    expect(describeDestination({ ...dest, field: null })).toBe("prod:prod/app");
  });
});
