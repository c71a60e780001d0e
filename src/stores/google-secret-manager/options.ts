import { z } from "zod";

/** Options of a `google-secret-manager` store. Credentials come from the SDK's default chain, never from the file. */
export const googleSecretManagerOptions = z
  .strictObject({
    project: z
      .string()
      .regex(/^([a-z][a-z0-9.:-]{4,60}[a-z0-9]|\d{6,20})$/, "is not a Google Cloud project id or number")
      .describe("Project id (or number) of the secrets."),
    endpoint: z
      .string()
      .regex(/^[A-Za-z0-9.-]+:\d{1,5}$/, "is not host:port")
      .optional()
      .describe("Another gRPC endpoint as host:port: an emulator, or a private endpoint."),
    insecure: z
      .boolean()
      .default(false)
      .describe("Plain text without credentials; for emulators only. Needs `endpoint`."),
    companion: z
      .enum(["provisioned", "create"])
      .default("provisioned")
      .describe(
        "Whether `<secret>-keyturn-pending` exists beforehand, or is created like the secret when it is missing.",
      ),
  })
  .refine((o) => !o.insecure || o.endpoint !== undefined, { path: ["insecure"], message: "needs `endpoint`" });
export type GoogleSecretManagerOptions = z.output<typeof googleSecretManagerOptions>;

/** What tells two stores of this type apart (R15). */
export const googleLocation = ({ project, endpoint }: GoogleSecretManagerOptions): Record<string, string> => ({
  project,
  ...(endpoint === undefined ? {} : { endpoint }),
});
