import { z } from "zod";

/** Bodies of the Console and control routes. Times are RFC 3339, spans milliseconds or days as named. */
const principal = z.object({ type: z.enum(["user", "service_account"]), id: z.string() });
const status = z.enum(["active", "inactive", "archived"]);
const keyName = z.string().min(1).max(500);
const instant = z.iso.datetime({ offset: true });

/** What the Console's "Create key" dialogue asks. */
export const CreateKey = z.strictObject({
  name: keyName,
  /** Absent: the Default Workspace. null: identity-linked key without a workspace. */
  workspaceId: z.string().nullable().optional(),
  expiresInMs: z.number().int().positive().optional(),
  principal: principal.optional(),
  /** A user's id. Absent: the first user. null: not recorded. */
  createdBy: z.string().nullable().optional(),
});

export const SeedKey = CreateKey.extend({
  /** How long ago it was created; 0 by default. */
  ageDays: z.number().nonnegative().optional(),
  createdAt: instant.optional(),
  expiresAt: instant.optional(),
  status: z.enum(["active", "inactive", "archived"]).optional(),
  /** Another hint than the key's own; null: none. */
  hint: z.string().nullable().optional(),
});

export const SeedKeys = z.strictObject({ keys: z.array(SeedKey).min(1).max(10_000) });

/** Keys nobody has the text of: for long lists. */
export const SeedBulk = z.strictObject({
  count: z.number().int().min(1).max(1_000_000),
  namePrefix: z.string().default("bulk"),
  ageDays: z.tuple([z.number().nonnegative(), z.number().nonnegative()]).default([0, 400]),
  /** Taken in turn. */
  statuses: z.array(status).min(1).default(["active"]),
  workspaceId: z.string().optional(),
});

export const NewUser = z.strictObject({
  email: z.string(),
  name: z.string().default("Somebody"),
  role: z.string().default("developer"),
});
export const Named = z.strictObject({ name: z.string().min(1) });
export const NewServiceAccount = Named.extend({ role: z.enum(["admin", "developer"]).default("developer") });

/** Who did it, for the history; a person in the Console by default. */
export const By = z.strictObject({ by: z.string().default("console") });

const offset = z.number().int().nonnegative();
export const SettingsPatch = z.strictObject({
  newKeyLagMs: offset.optional(),
  statusLagMs: offset.optional(),
  usageLagMs: offset.optional(),
  analytics: z.enum(["on", "off"]).optional(),
  analyticsOffStatus: z.union([z.literal(403), z.literal(404)]).optional(),
  dataRefreshedAt: z.enum(["now", "null"]).optional(),
  orgKeyLimit: offset.nullable().optional(),
  workspaceKeyLimit: offset.nullable().optional(),
  dateHeader: z.union([z.number().int(), z.literal("absent")]).optional(),
  listOrder: z.enum(["newest", "oldest"]).optional(),
  deadKeyStatus: z.union([z.literal(401), z.literal(404)]).optional(),
});

/** One of: simulated minus real time; a step forwards (or back); the time it shall be. */
export const SetClock = z.union([
  z.strictObject({ offsetMs: z.number().int() }),
  z.strictObject({ advanceMs: z.number().int() }),
  z.strictObject({ now: instant }),
]);

const useOfKey = {
  requests: z.number().int().positive().default(1),
  inputTokens: z.number().int().default(100),
  outputTokens: z.number().int().default(50),
};
export const InjectUsage = z.strictObject({
  /** null: use without a key. */
  keyId: z.string().nullable(),
  model: z.string().default("claude-haiku-4-5"),
  entries: z.array(z.strictObject({ at: instant, ...useOfKey })).default([]),
  /** `count` days in a row at noon UTC, the last one `endingDaysAgo` days ago. */
  days: z
    .strictObject({
      count: z.number().int().min(1).max(366),
      endingDaysAgo: z.number().int().min(0).default(1),
      ...useOfKey,
    })
    .optional(),
});

export const Use = z.strictObject({
  keyId: z.string(),
  times: z.number().int().min(1).max(100_000).default(1),
  model: z.string().default("claude-haiku-4-5"),
});

export type CreateKeyInput = z.input<typeof CreateKey>;
export type SeedKeyInput = z.input<typeof SeedKey>;
export type SeedBulkInput = z.input<typeof SeedBulk>;
export type SettingsInput = z.input<typeof SettingsPatch>;
export type ClockInput = z.input<typeof SetClock>;
export type UsageInput = z.input<typeof InjectUsage>;
export type UseInput = z.input<typeof Use>;
export type NewUserInput = z.input<typeof NewUser>;
export type NewServiceAccountInput = z.input<typeof NewServiceAccount>;
