import { z } from "zod";
import { ATTENTION, REASONS } from "../../rotation/codes.ts";
import { STATES } from "../../rotation/states.ts";

/*
 * What the HTTP API takes and answers. The OpenAPI document is made from these; the answers are the documents of
 * `keyturn show --json` and `list --json`.
 */

const keysOf = <T extends object>(table: T) => Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];
const time = () => z.iso.datetime().describe("RFC 3339, UTC.");
const key = () =>
  z.strictObject({
    id: z.string(),
    name: z.string(),
    hint: z.string().nullable().describe("The shortened form that the Console shows; never the key."),
  });

const destination = z.strictObject({
  store: z.string(),
  type: z.string(),
  location: z.record(z.string(), z.string()),
  secret: z.string(),
  field: z.string().nullable(),
});

export const planSchema = z.strictObject({
  targets: z.array(z.string()),
  outgoingKeyId: z.string(),
  urgency: z.enum(["routine", "urgent"]),
  destinations: z.array(destination),
  approvals: z.int(),
  drain: z.strictObject({ quietForMs: z.number(), limitMs: z.number() }),
  gracePeriodMs: z.number(),
  requiredName: z.string().nullable(),
});

export const stateSchema = z.enum(keysOf(STATES));

export const rotationSchema = z.strictObject({
  schema: z.literal(1),
  id: z.string(),
  install: z.string(),
  target: z.string().nullable().describe("null: a revoked key that belongs to no target."),
  state: stateSchema,
  reason: z.enum(keysOf(REASONS)),
  outgoingKey: key(),
  replacementKey: key().nullable(),
  needsAttention: z
    .strictObject({ code: z.enum(keysOf(ATTENTION)), message: z.string(), next: z.string() })
    .nullable()
    .describe("Why a person has to look, and the next command."),
  dueAt: time().nullable().describe("When Keyturn acts next; null when a person does."),
  createdAt: time(),
  enteredAt: time(),
  history: z.array(z.strictObject({ at: time(), event: z.string(), actor: z.string(), via: z.string() })),
  revision: z.int(),
  planHash: z.string().describe("Name it when approving: then another plan is refused."),
  plan: planSchema,
  expectedQuietMs: z
    .number()
    .nullable()
    .describe(
      "How long the outgoing key has to be unused: `drain.quietForMs`, or its longest pause of the 31 days before the opening if that is longer. Above `drain.limitMs` a person will have to decide. 0: its use is not checked; null: its pauses are not known.",
    ),
  approvals: z.array(z.strictObject({ actor: z.string(), via: z.string(), at: time() })),
  deadline: time().nullable(),
  holds: z.array(z.string()).readonly(),
  notBefore: time().nullable(),
  rebuiltFrom: z.enum(["sink", "marks"]).nullable(),
  note: z.string().nullable().describe("The reason that a person gave with the latest decision that has one."),
});

export const pageSchema = z.strictObject({
  schema: z.literal(1),
  rotations: z.array(rotationSchema),
  next: z.string().nullable().describe("`cursor` of the next page; null: there is none."),
});

export const holdSchema = z.strictObject({
  schema: z.literal(1),
  subject: z.string(),
  held: z.boolean(),
  marks: z.int().describe("Destinations that carry the hold as a mark as well."),
});

export const revocationSchema = z.strictObject({
  schema: z.literal(1),
  message: z.string().describe("What was done, or why nothing had to be."),
  rotation: rotationSchema,
});

export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().describe("Stable; search the log for it."),
    message: z.string(),
    next: z.string().describe("What to do."),
  }),
});

/** Names in the document's components. */
export const COMPONENTS = {
  Rotation: rotationSchema,
  RotationPage: pageSchema,
  Hold: holdSchema,
  Revocation: revocationSchema,
  Error: errorSchema,
} as const;
export type ComponentName = keyof typeof COMPONENTS;

export const noQuery = z.strictObject({});
export const noBody = z.strictObject({});
export const rotationParams = z.strictObject({
  id: z.string().regex(/^rot_[A-Za-z0-9]{1,60}$/, "must be a rotation's id (rot_…)"),
});
const subject = () => z.string().min(1).max(200).describe("A target's name or a key id (apikey_…).");
export const targetParams = z.strictObject({ name: z.string().min(1).max(200) });
export const subjectParams = z.strictObject({ subject: subject() });

const reason = () => z.string().min(1).max(500).describe("For the audit log, and for whoever looks at the rotation.");
export const reasonBody = z.strictObject({ reason: reason().optional() });
export const approveBody = z.strictObject({
  planHash: z
    .string()
    .regex(/^[0-9a-f]{16,64}$/, "must be the rotation's planHash, or its first 16 digits or more")
    .optional()
    .describe("The plan that was looked at; another one is refused with 409."),
});
export const snoozeBody = z.strictObject({
  until: z.iso.datetime({ offset: true, error: "must be a time with zone, such as 2026-12-01T09:00:00Z" }),
});
export const holdBody = z.strictObject({ subject: subject() });
export const revokeBody = z.strictObject({
  subject: subject(),
  unmanaged: z
    .boolean()
    .prefault(false)
    .describe("Needed for a key that belongs to no target; then `subject` is its id in full."),
});

const flag = () => z.enum(["true", "false"]).transform((text) => text === "true");
export const listQuery = z.strictObject({
  state: stateSchema.optional().describe("Only rotations in this state, ended ones too."),
  target: z.string().min(1).max(200).optional(),
  all: flag().prefault("false").describe("Ended rotations as well."),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, "must be a number from 1 to 100")
    .transform(Number)
    .refine((n) => n >= 1 && n <= 100, "must be a number from 1 to 100")
    .prefault("50"),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/, "must be `next` of the page before")
    .optional(),
});
