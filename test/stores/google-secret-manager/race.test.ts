import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../src/rotation/secret.ts";
import { failure, FIELD, once, OUTGOING, print, R1, REPLACEMENT, rig, secret } from "../../support/google/rig.ts";
import { CODE, StatusError } from "../../support/google/secret-manager.ts";

const lost = () => {
  throw new StatusError(CODE.UNAVAILABLE, "lost");
};
const theirs = print({ [FIELD]: OUTGOING, DB: "two" });
const both = print({ [FIELD]: REPLACEMENT, DB: "two" });
const intentOf = (r: Awaited<ReturnType<typeof rig>>) =>
  r.state.getSecret({ name: "projects/keyturn-test/secrets/app" }).annotations;

describe("R10, P9: somebody adds a version between our read and our write", () => {
  it("before our last look: nothing is written, BASE_CHANGED", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "updateSecret", "app", () => void r.put("app", theirs));
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app")).toHaveLength(2);
    expect(intentOf(r)).toEqual({});
  });

  it("after our last look: theirs is put back as found, and the next try merges into it", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "addSecretVersion", "app", () => void r.put("app", theirs));
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app").at(-1)).toBe(theirs);
    const again = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, again.baseVersion);
    expect(r.payloads("app").at(-1)).toBe(both);
    expect(intentOf(r)).toEqual({});
  });

  it("and our answer is lost (a crash right after adding): the next try finds it and puts theirs back", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    const [before, after] = [
      once("before", "addSecretVersion", "app", () => void r.put("app", theirs)),
      once("after", "addSecretVersion", "app", lost),
    ];
    r.faults = { ...before, ...after };
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    const restarted = await r.open();
    expect(await failure(restarted.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app").at(-1)).toBe(theirs);
  });

  it("theirs already holds our key, pasted by hand, and another change: that change is not lost", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "addSecretVersion", "app", () => void r.put("app", both));
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app").at(-1)).toBe(both);
    expect(await r.store.promote(r.dest(), R1, baseVersion)).toEqual({ version: "4" });
  });

  it("again while theirs is put back: the newest of theirs wins", async () => {
    const r = await rig();
    const newest = print({ [FIELD]: OUTGOING, DB: "three" });
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    let adds = 0;
    r.faults = {
      before: (method, request) => {
        if (method !== "addSecretVersion" || !request.parent?.endsWith("/app")) return;
        adds += 1;
        if (adds === 1) r.put("app", theirs);
        if (adds === 2) r.put("app", newest);
      },
    };
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app").at(-1)).toBe(newest);
  });

  it("and something newer is there already: nothing is put back, and a person is told which versions", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    const newer = print({ [FIELD]: REPLACEMENT, DB: "one", MORE: "x" });
    r.faults = {
      ...once("before", "addSecretVersion", "app", () => void r.put("app", theirs)),
      ...once("after", "addSecretVersion", "app", () => void r.put("app", newer)),
    };
    const error = await failure(r.store.promote(r.dest(), R1, baseVersion));
    expect(error).toMatchObject({ code: "STORE_CONFLICT" });
    expect(error.message).toMatch(/Version 2 of app .* version 3/);
    expect(r.payloads("app").at(-1)).toBe(newer);
    // After the person looked, `retry` goes on.
    expect(await r.store.promote(r.dest(), R1, baseVersion)).toEqual({ version: "4" });
  });

  it("and theirs was disabled meanwhile: it cannot be put back, and a person is told", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "addSecretVersion", "app", () => {
      r.state.disableSecretVersion({ name: r.put("app", theirs) });
    });
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "STORE_CONFLICT" });
  });

  it("while rolling back: theirs is put back, then rolled back on top of it", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    r.faults = once("before", "addSecretVersion", "app", () => void r.put("app", both));
    const back = () => r.store.rollBack(r.dest(), R1, fingerprintOf(REPLACEMENT), fingerprintOf(OUTGOING));
    expect(await failure(back())).toMatchObject({ code: "BASE_CHANGED" });
    expect(r.payloads("app").at(-1)).toBe(both);
    expect(await back()).toBe("rolled_back");
    expect(r.payloads("app").at(-1)).toBe(theirs);
  });
});

describe("R10: two workers on one promotion", () => {
  it("the one that was overtaken notices before it adds a version", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    const second = await r.open();
    r.faults = once("after", "updateSecret", "app", async () => {
      await second.promote(r.dest(), R1, baseVersion);
    });
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(r.payloads("app")).toHaveLength(2);
    expect(await r.store.promote(r.dest(), R1, baseVersion)).toEqual({ version: "2" });
    expect(r.payloads("app")).toHaveLength(2);
  });

  it("both added the same version: that is no foreign change", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once(
      "before",
      "addSecretVersion",
      "app",
      () => void r.put("app", print({ [FIELD]: REPLACEMENT, DB: "one" })),
    );
    expect(await r.store.promote(r.dest(), R1, baseVersion)).toEqual({ version: "3" });
    expect(r.payloads("app")).toHaveLength(3);
  });

  it("the answer to adding was lost: the version is found, none is added", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("after", "addSecretVersion", "app", lost);
    expect(await failure(r.store.promote(r.dest(), R1, baseVersion))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await r.store.promote(r.dest(), R1, baseVersion)).toEqual({ version: "2" });
    expect(r.payloads("app")).toHaveLength(2);
    expect(intentOf(r)).toEqual({});
  });
});

describe("R16: annotations under the etag", () => {
  it("two workers and somebody else mark at once: nobody's entry is lost", async () => {
    const r = await rig();
    const second = await r.open();
    r.faults = once("before", "updateSecret", "app", () => {
      const { etag } = r.state.getSecret({ name: "projects/keyturn-test/secrets/app" });
      const theirEntry = { name: "projects/keyturn-test/secrets/app", etag, annotations: { owner: "team-a" } };
      r.state.updateSecret({ secret: theirEntry, updateMask: { paths: ["annotations"] } });
    });
    await Promise.all([r.store.mark(r.dest(), { phase: "stage" }), second.mark(r.dest(), { hold: "1" })]);
    expect(intentOf(r)).toEqual({ "keyturn-phase": "stage", "keyturn-hold": "1", owner: "team-a" });
  });

  it.each([CODE.FAILED_PRECONDITION, 10])("status %i on a stale etag is read again, within bounds", async (code) => {
    const r = await rig();
    r.faults = once("before", "updateSecret", "app", () => {
      throw new StatusError(code, "stale");
    });
    await r.store.mark(r.dest(), { phase: "stage" });
    expect(await r.store.readMarks(r.dest())).toEqual({ phase: "stage" });
    r.faults = {
      before: (method) => {
        if (method === "updateSecret") throw new StatusError(code, "stale");
      },
    };
    expect(await failure(r.store.mark(r.dest(), { phase: "promote" }))).toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("a mark that is there already is not written again", async () => {
    const r = await rig();
    await r.store.mark(r.dest(), { phase: "stage" });
    r.calls.length = 0;
    await r.store.mark(r.dest(), { phase: "stage", hold: null });
    expect(r.calls).toEqual(["getSecret app"]);
  });
});
