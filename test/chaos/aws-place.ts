import { type AwsCall, awsCall } from "../support/aws-admin.ts";
import { type AwsFault, startAwsFaults } from "../support/aws-faults.ts";
import { startMoto } from "../support/moto.ts";
import { type Chronicle, NEIGHBOUR, type Place, digestOf, digestsOf } from "./places.ts";
import type { Random } from "./random.ts";

const FAULTS: readonly AwsFault[] = ["throttled", "unavailable", "silent", "reset", "reply_lost", "reply_lost_once"];
const LABELLING = new Set(["PutSecretValue", "UpdateSecretVersionStage", "CreateSecret"]);

const READS = new Set(["DescribeSecret", "GetSecretValue"]);

/** moto is slow, and what it answers to a read changes only with a write: each answer is asked for once. */
function remembering(call: AwsCall): AwsCall {
  const known = new Map<string, Map<string, Awaited<ReturnType<AwsCall>>>>();
  return async (action, body) => {
    const secret = String(body["SecretId"] ?? body["Name"]);
    if (!READS.has(action)) {
      try {
        return await call(action, body);
      } finally {
        known.delete(secret);
      }
    }
    const answers = known.get(secret) ?? new Map<string, Awaited<ReturnType<AwsCall>>>();
    known.set(secret, answers);
    const question = `${action} ${JSON.stringify(body)}`;
    const answer = answers.get(question) ?? (await call(action, body));
    if (known.get(secret) === answers) answers.set(question, answer);
    return structuredClone(answer);
  };
}

/** AWS Secrets Manager: moto behind a layer that makes faults and keeps the history of every secret. */
export async function awsPlace(name: string, chronicle: Chronicle, random: Random): Promise<Place> {
  const moto = await startMoto();
  const fieldsOf = new Map<string, string[]>();
  let now: { kind: AwsFault; percent: number } | null = null;

  async function record(secret: string, call: AwsCall): Promise<void> {
    const fields = fieldsOf.get(secret);
    if (fields === undefined) return;
    const get = async (stage: string): Promise<string | null> => {
      const { status, body } = await call("GetSecretValue", { SecretId: secret, VersionStage: stage });
      return status === 200 ? String(body["SecretString"]) : null;
    };
    const text = await get("AWSCURRENT");
    if (text === null) return;
    const waiting = await get("AWSPENDING");
    const shown = digestsOf(text, fields);
    const pending =
      waiting === null || waiting === text
        ? []
        : Object.values(digestsOf(waiting, fields).current).filter((d) => !Object.values(shown.current).includes(d));
    chronicle.note({ at: Date.now(), store: name, secret, ...shown, pending });
  }

  const call = remembering(awsCall(moto.url));
  const layer = await startAwsFaults(moto.url, {
    call,
    choose: () => (now !== null && random.chance(now.percent / 100) ? now.kind : undefined),
    written: (action, secret, call) => (LABELLING.has(action) ? record(secret, call) : Promise.resolve()),
  });
  const textOf = (keys: Record<string, string>) =>
    "" in keys ? (keys[""] ?? "") : JSON.stringify({ [NEIGHBOUR.name]: NEIGHBOUR.value, ...keys });
  const valueIn = (text: string, field: string | null): string =>
    field === null ? text : ((JSON.parse(text) as Record<string, string>)[field] ?? "");
  const current = async (secret: string): Promise<string> => {
    const { status, body } = await call("GetSecretValue", { SecretId: secret, VersionStage: "AWSCURRENT" });
    if (status !== 200) throw new Error(`aws: ${secret} has no current version`);
    return String(body["SecretString"]);
  };
  return {
    config: { type: "aws-secrets-manager", region: "eu-central-1", endpoint: layer.endpoint() },
    faults: FAULTS,
    create: async (secret, keys) => {
      fieldsOf.set(
        secret,
        Object.keys(keys).filter((field) => field !== ""),
      );
      await call("CreateSecret", { Name: secret, SecretString: textOf(keys) });
      await record(secret, call);
    },
    read: async ({ secret, field }) => valueIn(await current(secret), field),
    stage: async ({ secret, field }, key) => {
      const text = await current(secret);
      const staged = field === null ? key : JSON.stringify({ ...(JSON.parse(text) as object), [field]: key });
      const { status } = await call("PutSecretValue", {
        SecretId: secret,
        SecretString: staged,
        ClientRequestToken: digestOf(staged).slice(0, 32),
        VersionStages: ["AWSPENDING"],
      });
      if (status !== 200) throw new Error(`aws: ${secret} could not be staged: ${status}`);
      await record(secret, call);
    },
    fault: (kind, percent) => {
      now = kind === null ? null : { kind: kind as AwsFault, percent };
    },
    close: async () => {
      await layer.stop();
      await moto.stop();
    },
  };
}
