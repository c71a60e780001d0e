/** Secrets Manager's wire protocol by hand, so that the tests do not look through the SDK that they test. */
export type AwsCall = (
  action: string,
  body: Record<string, unknown>,
) => Promise<{ status: number; body: Record<string, unknown> }>;

export const awsCall =
  (url: string, region = "eu-central-1"): AwsCall =>
  async (action, body) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `secretsmanager.${action}`,
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json().catch(() => ({}))) as Record<string, unknown> };
  };

export interface AwsAdmin {
  call: AwsCall;
  put(secret: string, text: string): Promise<void>;
  text(secret: string, which?: { VersionId: string } | { VersionStage: string }): Promise<string | null>;
  labels(secret: string): Promise<Record<string, string[]>>;
  tags(secret: string): Promise<Record<string, string>>;
}

/** The secret's administrator and its applications, around the store under test. */
export function awsAdmin(url: string): AwsAdmin {
  const call = awsCall(url);
  const ok = async (action: string, body: Record<string, unknown>) => {
    const answer = await call(action, body);
    if (answer.status !== 200) throw new Error(`${action} was answered with ${answer.status}`);
    return answer.body;
  };
  return {
    call,
    async put(secret, text) {
      const { status } = await call("PutSecretValue", {
        SecretId: secret,
        SecretString: text,
        ClientRequestToken: crypto.randomUUID(),
      });
      if (status !== 200) await ok("CreateSecret", { Name: secret, SecretString: text });
    },
    async text(secret, which = { VersionStage: "AWSCURRENT" }) {
      const { status, body } = await call("GetSecretValue", { SecretId: secret, ...which });
      return status === 200 ? String(body["SecretString"]) : null;
    },
    labels: async (secret) =>
      ((await ok("DescribeSecret", { SecretId: secret }))["VersionIdsToStages"] ?? {}) as Record<string, string[]>,
    async tags(secret) {
      const tags = ((await ok("DescribeSecret", { SecretId: secret }))["Tags"] ?? []) as {
        Key: string;
        Value: string;
      }[];
      return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
    },
  };
}
