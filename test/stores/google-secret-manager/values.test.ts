import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../src/rotation/secret.ts";
import {
  failure,
  FIELD,
  named,
  once,
  OUTGOING,
  print,
  R1,
  REPLACEMENT,
  rig,
  secret,
} from "../../support/google/rig.ts";

const text = (value: { value: { use<T>(fn: (t: string) => T): T } } | null) => value?.value.use((t) => t) ?? null;
const COMPANION = "app-keyturn-pending";

describe("what applications read", () => {
  it("P9: large numbers, key order and white space of a JSON payload survive promotion and rollback", async () => {
    const doc = `{"n": 12345678901234567890,\n "${FIELD}" : "${OUTGOING}", "a":{"${FIELD}":"inner"} }\n`;
    const r = await rig(doc);
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    expect(r.payloads("app").at(-1)).toBe(doc.replace(OUTGOING, REPLACEMENT));
    expect(await r.store.rollBack(r.dest(), R1, fingerprintOf(REPLACEMENT), fingerprintOf(OUTGOING))).toBe(
      "rolled_back",
    );
    expect(r.payloads("app").at(-1)).toBe(doc);
  });

  it("a line feed after a whole payload is not part of the key, and stays", async () => {
    const r = await rig(`${OUTGOING}\n`);
    const dest = r.dest("app", null);
    expect(text(await r.store.read(dest))).toBe(OUTGOING);
    const { baseVersion } = await r.store.stage(dest, secret(REPLACEMENT), R1);
    await r.store.promote(dest, R1, baseVersion);
    expect(r.payloads("app").at(-1)).toBe(`${REPLACEMENT}\n`);
  });

  it.each(["disableSecretVersion", "destroySecretVersion"] as const)(
    "%s of the latest version is a conflict: applications fail too, and no older version is taken for it",
    async (change) => {
      const r = await rig();
      r.state[change]({ name: r.put("app", print({ [FIELD]: REPLACEMENT })) });
      expect(await failure(r.store.read(r.dest()))).toMatchObject({ code: "STORE_CONFLICT" });
      expect(await failure(r.store.stage(r.dest(), secret(REPLACEMENT), R1))).toMatchObject({ code: "STORE_CONFLICT" });
    },
  );

  it("a secret without any version reads as null", async () => {
    const r = await rig();
    const made = { parent: "projects/keyturn-test", secretId: "empty", secret: { replication: { automatic: {} } } };
    r.state.createSecret(made);
    expect(await r.store.read(r.dest("empty"))).toBe(null);
  });

  it.each([
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00])],
    ["text that is not JSON", Buffer.from(OUTGOING)],
    ["a JSON list", Buffer.from("[]")],
  ])("%s cannot be merged into: a conflict that quotes nothing", async (_, data) => {
    const r = await rig();
    r.state.addSecretVersion({ parent: named("app"), payload: { data } });
    const error = await failure(r.store.read(r.dest()));
    expect(error).toMatchObject({ code: "STORE_CONFLICT" });
    expect(error.message).not.toContain(OUTGOING.slice(20, 40));
  });

  it("a payload whose checksum does not fit is not used", async () => {
    const r = await rig();
    r.faults = {
      after: (method, _, answer) => {
        if (method === "accessSecretVersion")
          Object.assign(answer, { payload: { data: Buffer.from("{}"), dataCrc32c: "7" } });
      },
    };
    expect(await failure(r.store.read(r.dest()))).toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("every version we add carries a checksum that the server accepts", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    const ours = [COMPANION, "app"].map((name) => r.state.getSecret({ name: named(name) }).versions.at(-1));
    expect(ours.map((version) => version?.clientSpecifiedPayloadChecksum)).toEqual([true, true]);
  });

  it("a document that would exceed 64 KiB is refused when staging, while the operator still has the key", async () => {
    const r = await rig(print({ [FIELD]: "x", MORE: "y".repeat(65_480) }));
    expect(await failure(r.store.stage(r.dest(), secret(REPLACEMENT), R1))).toMatchObject({ code: "STORE_CONFLICT" });
    expect(r.payloads(COMPANION)).toEqual([]);
  });
});

describe("the companion (R19)", () => {
  it("P2: staged again on a new base, the new entry is written before the old one is destroyed", async () => {
    const r = await rig();
    await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.put("app", print({ [FIELD]: OUTGOING, DB: "two" }));
    r.faults = once("after", "addSecretVersion", COMPANION, () => {
      expect(r.payloads(COMPANION).map((payload) => payload?.includes(REPLACEMENT))).toEqual([true, true]);
    });
    await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    expect(r.payloads(COMPANION).map((payload) => payload !== null)).toEqual([false, true]);
  });

  it("R3: the pending value of another rotation for another field is no obstacle and survives", async () => {
    const r = await rig(print({ [FIELD]: OUTGOING, OTHER: "x" }));
    await r.store.stage(r.dest("app", "OTHER"), secret("other-value"), "rot_other");
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    await r.store.discardPending(r.dest(), R1, { operators: true });
    expect(text(await r.store.readPending(r.dest("app", "OTHER"), "rot_other"))).toBe("other-value");
    expect(await r.store.listPending(r.dest())).toEqual(["rot_other"]);
  });

  it.each([
    { when: "the same otherwise", document: { [FIELD]: REPLACEMENT, DB: "one" }, onlyOurField: true },
    { when: "another field changed too", document: { [FIELD]: REPLACEMENT, DB: "two" }, onlyOurField: false },
  ])(
    "R12: an operator staged the whole document, $when: onlyOurField $onlyOurField",
    async ({ document, onlyOurField }) => {
      const r = await rig();
      r.put(COMPANION, print(document));
      const pending = await r.store.readPending(r.dest(), R1);
      expect(text(pending)).toBe(REPLACEMENT);
      expect(pending).toMatchObject({ rotationId: null, onlyOurField });
    },
  );

  it("an operator's newest value counts, a disabled one does not", async () => {
    const r = await rig();
    r.put(COMPANION, "first");
    r.put(COMPANION, `${REPLACEMENT}\n`);
    r.state.disableSecretVersion({ name: r.put(COMPANION, "disabled") });
    expect(text(await r.store.readPending(r.dest(), R1))).toBe(REPLACEMENT);
  });

  it("missing: says how to provision it, and creates nothing", async () => {
    const r = await rig();
    r.state.secrets.delete(named(COMPANION));
    for (const call of [r.store.stage(r.dest(), secret(REPLACEMENT), R1), r.store.preflight(r.dest())]) {
      const error = await failure(call);
      expect(error).toMatchObject({ code: "STORE_MISSING" });
      expect(`${error.message} ${error.next}`).toMatch(
        /app-keyturn-pending.*Create app-keyturn-pending.*companion: create/,
      );
    }
    expect(r.state.secrets.has(named(COMPANION))).toBe(false);
  });

  it("missing, with `companion: create`: made with the replication, encryption key and labels of the secret", async () => {
    const r = await rig();
    r.state.secrets.delete(named(COMPANION));
    const encryption = { kmsKeyName: "projects/p/locations/eu/keyRings/r/cryptoKeys/k" };
    const userManaged = { replicas: [{ location: "europe-west3", customerManagedEncryption: encryption }] };
    const original = r.state.getSecret({ name: named("app") });
    Object.assign(original, { labels: { team: "a" }, annotations: { note: "x" }, replication: { userManaged } });
    const store = await r.open({ companion: "create" });
    await store.stage(r.dest(), secret(REPLACEMENT), R1);
    const { labels, annotations, replication } = r.state.getSecret({ name: named(COMPANION) });
    expect({ labels, annotations }).toEqual({ labels: { team: "a" }, annotations: {} });
    expect(replication).toMatchObject({ userManaged });
    expect(text(await store.readPending(r.dest(), R1))).toBe(REPLACEMENT);
  });

  it("content is destroyed, not disabled; a version that changed meanwhile is looked at again", async () => {
    const r = await rig();
    await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    r.faults = once("before", "destroySecretVersion", COMPANION, () => {
      r.state.enableSecretVersion({ name: `${named(COMPANION)}/versions/1` }); // only its etag changes
    });
    await r.store.discardPending(r.dest(), R1);
    expect(r.state.getSecret({ name: named(COMPANION) }).versions[0]?.state).toBe("DESTROYED");
    expect(r.calls.filter((call) => call.startsWith("destroy"))).toHaveLength(2);
  });

  it("versions are found over several pages", async () => {
    const r = await rig();
    r.state.largestPage = 2;
    const staged = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    for (let i = 0; i < 5; i += 1) r.put(COMPANION, "");
    expect(await r.store.readPending(r.dest(), R1)).toMatchObject({ version: staged.version, rotationId: R1 });
  });

  it("more entries than anybody needs: a person has to clean up", async () => {
    const r = await rig();
    for (let i = 0; i < 41; i += 1) r.put(COMPANION, "x");
    expect(await failure(r.store.readPending(r.dest(), R1))).toMatchObject({ code: "STORE_CONFLICT" });
  });
});

describe("rolling back", () => {
  it.each(["disableSecretVersion", "destroySecretVersion"] as const)(
    "after %s of the old version there is nothing to restore",
    async (change) => {
      const r = await rig();
      const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
      await r.store.promote(r.dest(), R1, baseVersion);
      r.state[change]({ name: `${named("app")}/versions/${baseVersion}` });
      const back = r.store.rollBack(r.dest(), R1, fingerprintOf(REPLACEMENT), fingerprintOf(OUTGOING));
      expect(await back).toBe("nothing_to_restore");
      expect(r.payloads("app").at(-1)).toContain(REPLACEMENT);
    },
  );

  it("a crash after the old value is back still ends as rolled_back", async () => {
    const r = await rig();
    const { baseVersion } = await r.store.stage(r.dest(), secret(REPLACEMENT), R1);
    await r.store.promote(r.dest(), R1, baseVersion);
    r.faults = once("after", "addSecretVersion", "app", () => Promise.reject(new Error("crash")));
    const back = () => r.store.rollBack(r.dest(), R1, fingerprintOf(REPLACEMENT), fingerprintOf(OUTGOING));
    await failure(back());
    expect(await back()).toBe("rolled_back");
    expect(r.payloads("app")).toHaveLength(3);
  });
});
