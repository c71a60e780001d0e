import { z } from "zod";

/** Options of an `aws-secrets-manager` store. Credentials come from the SDK's default chain, never from the file. */
export const awsSecretsManagerOptions = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "is not an AWS region such as eu-central-1")
    .describe("AWS region of the secrets."),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Another endpoint: an emulator, or a VPC endpoint."),
});
export type AwsSecretsManagerOptions = z.output<typeof awsSecretsManagerOptions>;
