import { z } from "zod";
import { REFERENCE_PATTERN, hostAndPort, reference, section } from "./fields.ts";

export const DEFAULT_REDIS_URL = "redis://localhost:6379";

const url = () =>
  z.string().superRefine((text, context) => {
    const problem = redisUrlProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

function redisUrlProblem(text: string): string | null {
  if (REFERENCE_PATTERN.test(text)) return null;
  if (!URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol)) {
    return "must be redis://host:port, rediss://host:port for TLS, or a reference (env:NAME, file:/path)";
  }
  return new URL(text).password === ""
    ? null
    : "must not contain a password; write `password: env:NAME` beside it, or give the whole address as env:NAME";
}

const nodes = () => z.array(hostAndPort()).min(1).describe("Addresses as host:port.");

/** One of url, sentinels, cluster and embedded; the URL's default applies when none is given. */
export const redisSchema = section({
  url: url().optional().describe(`Address, or a reference to it. Default: \`${DEFAULT_REDIS_URL}\`.`),
  sentinels: section({
    master: z.string().min(1).describe("Name of the master."),
    nodes: nodes(),
    password: reference().optional().describe("Password of the Sentinels."),
  })
    .optional()
    .describe("Redis behind Sentinel."),
  cluster: section({ nodes: nodes() }).optional().describe("Redis Cluster."),
  embedded: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of a Redis server that Keyturn starts itself; durable; relative to the working directory."),
  username: z.string().min(1).optional().describe("User name."),
  password: reference().optional().describe("Password."),
  tls: z
    .union(
      [
        z.boolean(),
        section({
          ca: z.string().min(1).optional().describe("File with the certificate authority."),
          cert: z.string().min(1).optional().describe("File with the client certificate."),
          key: z.string().min(1).optional().describe("File with the client certificate's private key."),
          serverName: z.string().min(1).optional().describe("Name that the server's certificate must carry."),
        }),
      ],
      { error: "must be true, false or a mapping with ca, cert, key, serverName" },
    )
    .optional()
    .describe("TLS: `true`, or files of certificates. Implied by `rediss://`."),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "must be 1 to 63 letters, digits, `.`, `_` or `-`")
    .optional()
    .describe("Prefix of the keys in Redis. Default: the installation's name."),
});
