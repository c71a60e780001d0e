import { z } from "zod";
import { duration, section } from "./fields.ts";

const approvals = () => z.int().min(0).max(10);

/** Defaults of design section 7. */
export const policySchema = section({
  maxAge: duration().prefault("90d").describe("Age at which a key is proposed for rotation."),
  gracePeriod: duration()
    .prefault("7d")
    .describe("Time between deactivating and archiving the outgoing key, in which reinstating it is one command."),
  drain: section({
    quietFor: duration()
      .prefault("24h")
      .describe(
        "How long the outgoing key must be unused before it is deactivated, or its longest pause in the 31 days before if that is longer; 0s needs `acceptNoUsageCheck`.",
      ),
    limit: duration().prefault("7d").describe("After this time a person has to decide."),
    acceptNoUsageCheck: z
      .boolean()
      .prefault(false)
      .describe("Accepts that with `quietFor: 0s` nobody checks whether the outgoing key is still used."),
  })
    .prefault({})
    .describe("The wait between promotion and deactivation; both keys work."),
  replacementWithin: duration().prefault("7d").describe("Time to create and hand over the replacement key."),
  propagation: section({
    limit: duration().prefault("1h").describe("Time until all destinations show the replacement key."),
  })
    .prefault({})
    .describe("The wait until applications can read the replacement key."),
  approval: section({
    required: z.boolean().prefault(true).describe("Whether a person must approve a rotation."),
    approvals: approvals().prefault(1).describe("How many people must approve."),
    expiresAfter: duration().prefault("3d").describe("Time to approve."),
  })
    .prefault({})
    .describe("Who has to agree before anything happens."),
  maxOpenRotations: z
    .int()
    .min(1)
    .max(10_000)
    .prefault(10)
    .describe("How many rotations may wait for a person at once; urgent ones are exempt."),
});

/** The same settings without defaults: what is absent comes from `policy`. */
export const targetPolicySchema = section({
  maxAge: duration().optional(),
  gracePeriod: duration().optional(),
  drain: section({
    quietFor: duration().optional(),
    limit: duration().optional(),
    acceptNoUsageCheck: z.boolean().optional(),
  }).optional(),
  replacementWithin: duration().optional(),
  propagation: section({ limit: duration().optional() }).optional(),
  approval: section({
    required: z.boolean().optional(),
    approvals: approvals().optional(),
    expiresAfter: duration().optional(),
  }).optional(),
});
