import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretStore } from "../../../src/ports/secret-store.ts";
import type { Destination } from "../../../src/rotation/record.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { versionToken } from "../../../src/stores/aws-secrets-manager/names.ts";
import { openAwsSecretsManager } from "../../../src/stores/aws-secrets-manager/store.ts";
import { failure } from "../../contract/secret-store.contract.ts";
import { type AwsAdmin, awsAdmin } from "../../support/aws-admin.ts";
import { type AwsFault, type AwsFaults, startAwsFaults } from "../../support/aws-faults.ts";
import { makeKey } from "../../support/keys.ts";
import { type Moto, startMoto } from "../../support/moto.ts";

const REGION = "eu-central-1";
const OUTGOING = makeKey("contract-outgoing");
const REPLACEMENT = makeKey("contract-replacement");
const THIRD = makeKey("contract-third");
const R1 = "rot_aws-1";
const text = (key: string) => SecretText.from(key);
const print = (key: string) => text(key).fingerprint;

let moto: Moto;
let faults: AwsFaults;
let admin: AwsAdmin;
let store: SecretStore;
let count = 0;
const opened: SecretStore[] = [];

async function open(fault?: AwsFault): Promise<SecretStore> {
  const limits = { connectMs: 500, requestMs: 300, callMs: 2_000 };
  const one = await openAwsSecretsManager(
    { region: REGION, endpoint: faults.endpoint(fault) },
    "prod",
    fault === "silent" ? limits : undefined,
  );
  opened.push(one);
  return one;
}
async function given(document: string, field: string | null = "KEY"): Promise<Destination> {
  count += 1;
  const secret = `app/secret-${count}`;
  await admin.put(secret, document);
  return { store: "prod", type: "aws-secrets-manager", location: { region: REGION }, secret, field };
}
const json = (more = "") => `{"KEY":"${OUTGOING}"${more}}`;
async function promoted(dest: Destination): Promise<void> {
  const { baseVersion } = await store.stage(dest, text(REPLACEMENT), R1);
  await store.promote(dest, R1, baseVersion);
}

beforeAll(async () => {
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
  moto = await startMoto();
  faults = await startAwsFaults(moto.url);
  admin = awsAdmin(faults.endpoint());
  store = await open();
});
afterAll(async () => {
  for (const one of opened) await one.close();
  await faults?.stop();
  await moto?.stop();
});

describe("documents", () => {
  it("keeps every other byte: order, white space, escapes and numbers beyond 2^53", async () => {
    const around = (key: string) =>
      `{ "z" : 12345678901234567890.10,\n  "KEY": "${key}",\t"a":"\\u00fc\\/", "nested": {"KEY":"x"} }`;
    const dest = await given(around(OUTGOING));
    await promoted(dest);
    expect(await admin.text(dest.secret)).toBe(around(REPLACEMENT));
  });
  it("without a field the whole text is the key", async () => {
    const dest = await given(OUTGOING, null);
    await store.preflight(dest);
    await promoted(dest);
    expect(await admin.text(dest.secret)).toBe(REPLACEMENT);
    expect(await store.rollBack(dest, R1, print(REPLACEMENT), print(OUTGOING))).toBe("rolled_back");
    expect(await admin.text(dest.secret)).toBe(OUTGOING);
  });
  it.each([
    ["text that is not JSON", OUTGOING],
    ["an array", `["${OUTGOING}"]`],
    ["the field twice", `{"KEY":"${OUTGOING}","KEY":"${OUTGOING}"}`],
    ["a field that is no text", `{"KEY":{"x":"${OUTGOING}"}}`],
  ])("with %s where a field is expected is refused and left", async (_, document) => {
    const dest = await given(document);
    for (const call of [store.read(dest), store.preflight(dest), store.stage(dest, text(REPLACEMENT), R1)]) {
      expect((await failure(call)).code).toBe("STORE_CONFLICT");
    }
    expect(await admin.text(dest.secret)).toBe(document);
  });
  it("binary secrets are refused", async () => {
    const dest = await given(json());
    await admin.call("CreateSecret", { Name: "binary", SecretBinary: Buffer.from(json()).toString("base64") });
    expect((await failure(store.read({ ...dest, secret: "binary" }))).code).toBe("STORE_CONFLICT");
  });
  it("that would grow over 64 KiB are refused before anything is sent", async () => {
    // The replacement is longer than the value it replaces.
    const dest = await given(`{"KEY":"short","pad":"${"x".repeat(65_500)}"}`);
    expect((await failure(store.stage(dest, text(REPLACEMENT), R1))).code).toBe("STORE_CONFLICT");
    expect(await store.listPending(dest)).toEqual([]);
  });
});

describe("secrets that are somebody else's to change are refused", () => {
  it("while a rotation function is attached", async () => {
    const dest = await given(json());
    await admin.call("RotateSecret", {
      SecretId: dest.secret,
      RotateImmediately: false,
      RotationRules: { AutomaticallyAfterDays: 30 },
    });
    const calls = [store.preflight(dest), store.stage(dest, text(REPLACEMENT), R1), store.promote(dest, R1, "1")];
    for (const call of calls)
      expect(await failure(call)).toMatchObject({
        code: "STORE_CONFLICT",
        message: expect.stringContaining("rotation function") as string,
      });
    expect((await store.read(dest))?.value.equals(text(OUTGOING))).toBe(true);
  });
  it("while it is scheduled for deletion", async () => {
    const dest = await given(json());
    await admin.call("DeleteSecret", { SecretId: dest.secret, RecoveryWindowInDays: 7 });
    for (const call of [store.read(dest), store.stage(dest, text(REPLACEMENT), R1), store.readMarks(dest)]) {
      expect((await failure(call)).code).toBe("STORE_CONFLICT");
    }
  });
});

describe("AWSPENDING", () => {
  const stageByHand = (dest: Destination, document: string) =>
    admin.call("PutSecretValue", {
      SecretId: dest.secret,
      SecretString: document,
      VersionStages: ["AWSPENDING"],
      ClientRequestToken: crypto.randomUUID(),
    });
  it("left on the current version by an earlier rotation is moved", async () => {
    const dest = await given(json());
    const id = Object.keys(await admin.labels(dest.secret))[0];
    await admin.call("UpdateSecretVersionStage", {
      SecretId: dest.secret,
      VersionStage: "AWSPENDING",
      MoveToVersionId: id,
    });
    expect(await store.readPending(dest, R1)).toBe(null);
    const { version } = await store.stage(dest, text(REPLACEMENT), R1);
    expect((await admin.labels(dest.secret))[version]).toContain("AWSPENDING");
  });
  it("of an operator whose document differs in another field is shown as such, and not taken over", async () => {
    const dest = await given(json(`,"DB":"1"`));
    await stageByHand(dest, `{"KEY":"${REPLACEMENT}","DB":"2"}`);
    expect(await store.readPending(dest, R1)).toMatchObject({ rotationId: null, onlyOurField: false });
    expect((await failure(store.stage(dest, text(REPLACEMENT), R1))).code).toBe("FOREIGN_PENDING");
  });
  it("P2: taken by somebody else after staging does not lose the accepted key, which can still be promoted", async () => {
    const dest = await given(json());
    const { baseVersion } = await store.stage(dest, text(REPLACEMENT), R1);
    await stageByHand(dest, json().replace(OUTGOING, THIRD));
    const pending = await store.readPending(dest, R1);
    expect(pending?.rotationId).toBe(R1);
    expect(pending?.value.equals(text(REPLACEMENT))).toBe(true);
    await store.promote(dest, R1, baseVersion);
    await store.discardPending(dest, R1);
    expect(await admin.text(dest.secret)).toBe(json().replace(OUTGOING, REPLACEMENT));
    expect(await admin.text(dest.secret, { VersionStage: "AWSPENDING" })).toBe(json().replace(OUTGOING, THIRD));
  });
  it("R2: one of our labels moved by hand to another version makes that version not ours", async () => {
    const dest = await given(json());
    const { version, baseVersion } = await store.stage(dest, text(REPLACEMENT), R1);
    const label = (await admin.labels(dest.secret))[version]?.find((one) => one.startsWith("keyturn-pending."));
    await stageByHand(dest, json().replace(OUTGOING, THIRD));
    const foreign = Object.entries(await admin.labels(dest.secret)).find(([, labels]) =>
      labels.includes("AWSPENDING"),
    )?.[0];
    await admin.call("UpdateSecretVersionStage", {
      SecretId: dest.secret,
      VersionStage: label,
      RemoveFromVersionId: version,
      MoveToVersionId: foreign,
    });
    expect((await failure(store.promote(dest, R1, baseVersion))).code).toBe("STORE_CONFLICT");
    expect(await admin.text(dest.secret)).toBe(json());
  });
  it("on the current version is only a label: discarding it leaves the key where applications read it", async () => {
    const dest = await given(json());
    await promoted(dest);
    await store.discardPending(dest, R1);
    await store.discardPending(dest, R1);
    expect(await admin.text(dest.secret)).toContain(REPLACEMENT);
    const labels = Object.values(await admin.labels(dest.secret)).flat();
    expect(labels.filter((label) => label.startsWith("keyturn-pending") || label === "AWSPENDING")).toEqual([]);
  });
});

describe("rolling back", () => {
  it("still finds the old key when others wrote two versions since, so that AWSPREVIOUS moved on", async () => {
    const dest = await given(json(`,"DB":"1"`));
    await promoted(dest);
    await store.discardPending(dest, R1);
    for (const db of ["2", "3"]) await admin.put(dest.secret, `{"KEY":"${REPLACEMENT}","DB":"${db}"}`);
    expect(await store.rollBack(dest, R1, print(REPLACEMENT), print(OUTGOING))).toBe("rolled_back");
    expect(await admin.text(dest.secret)).toBe(`{"KEY":"${OUTGOING}","DB":"3"}`);
    await store.discardPending(dest, R1);
    await store.discardPrevious(dest, R1);
    expect(
      Object.values(await admin.labels(dest.secret))
        .flat()
        .filter((label) => label.startsWith("keyturn-")),
    ).toEqual([]);
  });
});

describe("failures", () => {
  it.each([
    ["denied", "STORE_DENIED"],
    ["expired", "STORE_DENIED"],
    ["throttled", "STORE_UNAVAILABLE"],
    ["unavailable", "STORE_UNAVAILABLE"],
    ["reset", "STORE_UNAVAILABLE"],
    ["silent", "STORE_UNAVAILABLE"],
  ] as const)("%s is %s, within its time limit, and shows no text of the vendor", async (fault, code) => {
    const dest = await given(json());
    const started = performance.now();
    const error = await failure((await open(fault)).stage(dest, text(REPLACEMENT), R1));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain("refused:");
    expect(performance.now() - started).toBeLessThan(8_000);
  });
  it("an answer lost once is hidden by the SDK's own retry: each call still ends well, and only once", async () => {
    const dest = await given(json());
    const lossy = await open("reply_lost_once");
    const { version, baseVersion } = await lossy.stage(dest, text(REPLACEMENT), R1);
    expect(await lossy.promote(dest, R1, baseVersion)).toEqual({ version });
    expect(await lossy.rollBack(dest, R1, print(REPLACEMENT), print(OUTGOING))).toBe("rolled_back");
    expect(await admin.text(dest.secret)).toBe(json());
  });
  it("a token taken by another text is a conflict, never overwritten (R3)", async () => {
    const dest = await given(json());
    const base = (await store.read(dest))?.version ?? "";
    const token = versionToken("stage", R1, dest.secret, base, json().replace(OUTGOING, REPLACEMENT));
    await admin.call("PutSecretValue", {
      SecretId: dest.secret,
      SecretString: "other",
      VersionStages: ["x"],
      ClientRequestToken: token,
    });
    expect((await failure(store.stage(dest, text(REPLACEMENT), R1))).code).toBe("STORE_CONFLICT");
    expect(await admin.text(dest.secret, { VersionId: token })).toBe("other");
  });
});

describe("names", () => {
  it("an ARN and a name are one physical secret", async () => {
    const dest = await given(json());
    const arn = `arn:aws:secretsmanager:${REGION}:123456789012:secret:${dest.secret}-a1B2c3`;
    expect(store.physicalId({ ...dest, secret: arn })).toBe(store.physicalId(dest));
  });
  it("preflight spends no version and leaves no label or tag", async () => {
    const dest = await given(json());
    const before = [await admin.labels(dest.secret), await admin.tags(dest.secret)];
    await store.preflight(dest);
    expect([await admin.labels(dest.secret), await admin.tags(dest.secret)]).toEqual(before);
  });
});
