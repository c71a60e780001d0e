import { openAwsSecretsManager } from "../../src/stores/aws-secrets-manager/store.ts";
import { awsAdmin } from "../support/aws-admin.ts";
import { startAwsFaults } from "../support/aws-faults.ts";
import { startMoto } from "../support/moto.ts";
import { secretStoreContract } from "./secret-store.contract.ts";
import type { Document, StoreWorld } from "./store-world.ts";

const REGION = "eu-central-1";

async function world(): Promise<StoreWorld> {
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
  const moto = await startMoto();
  const faults = await startAwsFaults(moto.url);
  const admin = awsAdmin(faults.endpoint());
  const limits = { connectMs: 1_000, requestMs: 5_000, callMs: 10_000 };
  const documentOf = async (secret: string) => JSON.parse((await admin.text(secret)) ?? "{}") as Document;
  return {
    open(how) {
      const fault =
        how === undefined
          ? undefined
          : ({ denied: "denied", down: "unavailable", reply_lost: "reply_lost" } as const)[how];
      return openAwsSecretsManager({ region: REGION, endpoint: faults.endpoint(fault) }, "prod", limits);
    },
    destination: (secret, field) => ({
      store: "prod",
      type: "aws-secrets-manager",
      location: { region: REGION },
      secret,
      field,
    }),
    put: (secret, document) => admin.put(secret, JSON.stringify(document)),
    applicationsRead: documentOf,
    async operatorStages(dest, value) {
      const text = JSON.stringify({ ...(await documentOf(dest.secret)), [dest.field ?? ""]: value });
      await admin.call("PutSecretValue", {
        SecretId: dest.secret,
        SecretString: text,
        VersionStages: ["AWSPENDING"],
        ClientRequestToken: crypto.randomUUID(),
      });
    },
    async tagByOthers(secret, Key, Value) {
      await admin.call("TagResource", { SecretId: secret, Tags: [{ Key, Value }] });
    },
    async tagsOfOthers(secret) {
      return Object.fromEntries(
        Object.entries(await admin.tags(secret)).filter(([name]) => !name.startsWith("keyturn-")),
      );
    },
    async besides(secret) {
      const labelled = Object.entries(await admin.labels(secret)).filter(
        ([, labels]) => !labels.includes("AWSCURRENT"),
      );
      const kept = labelled.filter(([, labels]) =>
        labels.some((label) => label === "AWSPENDING" || label.startsWith("keyturn-")),
      );
      const texts = await Promise.all(kept.map(async ([VersionId]) => admin.text(secret, { VersionId })));
      return JSON.stringify([await admin.tags(secret), await admin.labels(secret), texts]);
    },
    async close() {
      await faults.stop();
      await moto.stop();
    },
  };
}

secretStoreContract({ name: "aws-secrets-manager", fields: true, keepsVersions: true, conditionalWrite: true, world });
