import { z } from "zod";
import { reference, section, webAddress } from "./fields.ts";
import { apiSchema, approversSchema, signInSchema, slackSchema, webhooksSchema } from "./people.ts";
import { policySchema, targetPolicySchema } from "./policy.ts";
import { redisSchema } from "./redis.ts";
import { storeSchema } from "./stores.ts";
import { tracingSchema } from "./tracing.ts";

/*
 * The one schema of the configuration file: types, defaults, limits and documentation. `keyturn.schema.json` and the
 * table in docs/configuration.md are generated from it (npm run docs). Durations are milliseconds once read.
 */

const port = () => z.int().min(0).max(65535);

const anthropic = section({
  adminKey: reference().describe("Admin key of the organization: reads keys and changes their status."),
  baseUrl: webAddress()
    .prefault("https://api.anthropic.com")
    .describe("Address of the API. Never taken from the environment."),
  verifyModel: z.string().min(1).prefault("claude-haiku-4-5").describe("Model of the one message that verifies a key."),
  requestsPerMinute: z
    .int()
    .min(6)
    .max(60_000)
    .prefault(300)
    .describe("Requests with the Admin key that all processes of this installation together may send in a minute."),
});

const schedule = section({
  mode: z
    .enum(["embedded", "cronjob"], "must be embedded (`serve` scans) or cronjob (somebody else runs `keyturn scan`)")
    .prefault("embedded")
    .describe(
      "Who scans. `embedded`: `serve`. `cronjob`: not `serve`; a CronJob runs `keyturn scan`, or `run-once` where there is no `serve`.",
    ),
  scan: z
    .string()
    .prefault("0 9 * * 1-5")
    .describe(
      "When a scan is due: a cron expression. Embedded: a skipped or missed scan is made up. With a CronJob: its schedule, for metrics and `doctor`.",
    ),
  timeZone: z.string().prefault("UTC").describe("IANA time zone of `scan`, such as Europe/Berlin."),
});

const destination = section({
  store: z.string().describe("Name of a store under `stores`."),
  secret: z.string().min(1).describe("The secret in it: name, ARN, path or file, by type of store."),
  field: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Field that holds the key. Without it: `ANTHROPIC_API_KEY` in files and Vault, the whole value elsewhere.",
    ),
});
const destinations = z.array(destination).min(1).describe("Every place applications read the key from.");

const target = section({
  destinations,
  policy: targetPolicySchema.optional().describe("Replaces single settings of `policy` for this target."),
  key: section({
    id: z
      .string()
      .regex(/^apikey_[A-Za-z0-9_-]+$/, "must be a key id such as apikey_01Rj2N8SVvo6BePZj99NhmiT")
      .describe("Id of the key in use."),
  })
    .optional()
    .describe("Names the key in use, for a first run when the Console shows no usable hint."),
  channel: z
    .string()
    .regex(/^[CG][A-Z0-9_]+$/, "must be a channel id such as C0123456789, not its name")
    .optional()
    .describe("Slack channel of this target, instead of `slack.channel`."),
  consumers: z
    .array(z.unknown())
    .max(0, "consumers (kubernetesRestart, webhook) are not available in this version; leave the list empty")
    .prefault([])
    .describe("What to restart or tell after a promotion. Not available in this version."),
});

const rule = section({
  match: section({
    name: z.string().min(1).optional().describe("Name of the key; `*` stands for any characters."),
    workspace: z.string().min(1).optional().describe("Id of the key's workspace."),
  }).describe("Which keys become targets: all conditions must hold."),
  destinations: destinations.describe("Where such a key is read from; `{name}` in `secret` is the key's name."),
  policy: targetPolicySchema.optional().describe("Replaces single settings of `policy` for these targets."),
});

const audit = section({
  file: z
    .string()
    .min(1)
    .optional()
    .describe("File that gets every audit entry, outside Redis; relative to the working directory."),
  log: z.boolean().prefault(true).describe("Whether audit entries are also log lines."),
});

const http = section({
  host: z.string().min(1).prefault("127.0.0.1").describe("Address to listen on; 0.0.0.0 in a container."),
  port: port().prefault(8080).describe("Port of the pages, Slack and health; 0 takes a free one."),
  metricsPort: port()
    .prefault(9090)
    .describe("Port of the metrics; 0 takes a free one, and so does the default when it is taken."),
  publicUrl: webAddress().optional().describe("Address under which people and Slack reach `port`."),
});

export const configSchema = section({
  install: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "must be 1 to 63 letters, digits, `.`, `_` or `-`")
    .prefault("keyturn")
    .describe("Name of this installation; in marks, audit and Redis keys. Two installations need two names."),
  anthropic: anthropic.describe("The organization whose keys are rotated."),
  redis: redisSchema.prefault({}).describe("Where open rotations and jobs are kept."),
  schedule: schedule.prefault({}).describe("When to scan."),
  policy: policySchema.prefault({}).describe("When keys are rotated and how long each step may take."),
  stores: z.record(z.string(), storeSchema).prefault({}).describe("Secrets managers, by a name of your choice."),
  targets: z.record(z.string(), target).prefault({}).describe("Things that use one key each, by name."),
  rules: z.array(rule).prefault([]).describe("Makes targets of keys that no target names."),
  holds: z
    .array(z.string().min(1))
    .prefault([])
    .describe("Key ids and target names that are never deactivated or archived."),
  approvers: approversSchema.prefault({}).describe("Who may decide."),
  slack: slackSchema.optional().describe("Asks for approval in Slack."),
  webhooks: webhooksSchema.describe("Tells other programs, by a name of your choice."),
  signIn: signInSchema
    .prefault({})
    .describe("How people sign in to the dashboard; without `oidc` and `token` it is off."),
  api: apiSchema.prefault({}).describe("The HTTP API; without tokens it is off."),
  audit: audit.prefault({}).describe("Where the evidence goes."),
  http: http.prefault({}).describe("What `serve` listens on."),
  tracing: tracingSchema
    .optional()
    .describe("Sends traces to an OpenTelemetry collector; without it nothing of that is loaded."),
});

/** The configuration with all defaults; durations in milliseconds, secrets as references. */
export type Config = z.output<typeof configSchema>;
/** The configuration as written in a file. */
export type ConfigInput = z.input<typeof configSchema>;
