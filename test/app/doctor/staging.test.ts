import { describe, expect, it } from "vitest";
import { tryDestination } from "../../../src/app/doctor/destination.ts";
import { runChecks } from "../../../src/app/doctor/run-checks.ts";
import { storeChecks } from "../../../src/app/doctor/stores.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { PROBE_ROTATION } from "../../../src/rotation/probe.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { makeKey } from "../../support/keys.ts";
import { aDestination } from "../../support/records.ts";
import { aTarget, someSettings } from "../../support/settings.ts";
import { ward } from "./support.ts";

const dest = aDestination("billing.env");

function destination() {
  const { store } = ward();
  const asked: string[] = [];
  store.fail = (call) => void asked.push(call);
  const key = store.secrets.get("billing.env")?.document["ANTHROPIC_API_KEY"];
  return { store, asked, tried: () => tryDestination(store, dest, "keyturn"), key };
}

describe("doctor stages and discards a pending value without touching the current one", () => {
  it("stages, reads back and discards; what applications read is the same, and nothing is left", async () => {
    const { store, asked, tried, key } = destination();
    expect(await tried()).toMatchObject({
      level: "pass",
      message: expect.stringContaining("staged, read back and discarded") as string,
    });
    expect(asked.filter((call) => ["stage", "promote", "discardPending"].includes(call))).toEqual([
      "stage",
      "discardPending",
    ]);
    expect(store.secrets.get("billing.env")?.document).toEqual({ ANTHROPIC_API_KEY: key });
    expect(await store.listPending(dest)).toEqual([]);
  });

  it("what is staged is no key, and nobody could take it for one", async () => {
    const { store, tried } = destination();
    const staged: string[] = [];
    const stage = store.stage.bind(store);
    store.stage = (where, value, rotation) => {
      staged.push(value.use((text) => text));
      return stage(where, value, rotation);
    };
    await tried();
    expect(staged).toEqual(["keyturn-doctor-probe"]);
  });

  it("a manager that refuses to stage is a failure, and what may have been staged is discarded", async () => {
    const { store, asked, tried } = destination();
    store.fail = (call) => {
      asked.push(call);
      if (call === "stage") throw new KeyturnError("STORE_DENIED", "(403)");
    };
    await expect(tried()).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(asked.at(-1)).toBe("discardPending");
  });

  it.each([
    {
      when: "a rotation is open there",
      before: (at: ReturnType<typeof destination>) =>
        at.store.mark(dest, { v: "1", install: "keyturn", rotation: "rot_0123456789abcdefghij" }),
      says: "a rotation is open here",
    },
    {
      when: "an operator has staged a value",
      before: async (at: ReturnType<typeof destination>) => at.store.stageByHand(dest, makeKey("by hand")),
      says: "a pending value is here",
    },
    {
      when: "a rotation's value is pending",
      before: (at: ReturnType<typeof destination>) =>
        at.store.stage(dest, SecretText.from(makeKey("pending")), "rot_0123456789abcdefghij"),
      says: "a pending value is here",
    },
  ])("P2: $when: nothing is staged and nothing discarded", async ({ before, says }) => {
    const at = destination();
    await before(at);
    at.asked.length = 0;
    const line = await at.tried();
    expect(line).toMatchObject({
      level: "pass",
      message: expect.stringContaining(`nothing was staged: ${says}`) as string,
    });
    expect(at.asked.filter((call) => call === "stage" || call === "discardPending")).toEqual([]);
  });

  it("what a killed doctor left is discarded by the next one", async () => {
    const { store, tried } = destination();
    await store.stage(dest, SecretText.from("keyturn-doctor-probe"), PROBE_ROTATION);
    await tried();
    expect(await store.listPending(dest)).toEqual([]);
  });
});

it("R10: files that another host works with are not looked at from here", async () => {
  const at = ward();
  const patient = await at.surroundings().redis();
  const asked: string[] = [];
  at.store.fail = (call) => void asked.push(call);
  const checks = storeChecks(
    at.surroundings({
      settings: someSettings({ targets: [aTarget("billing")] }),
      oneHost: { host: "doctor-pod", stores: ["files"] },
      redis: () =>
        Promise.resolve({
          ...patient,
          processes: () => Promise.resolve([{ kind: "serve", host: "keyturn-0", files: true }]),
        }),
    }),
  );
  const [line, ...rest] = await runChecks(checks, at.clock);
  expect(line).toMatchObject({ name: "store files", level: "warn" });
  expect(line?.message).toContain("belong to host keyturn-0, where Keyturn is at work; from here (doctor-pod)");
  expect([rest, asked]).toEqual([[], []]);
});
