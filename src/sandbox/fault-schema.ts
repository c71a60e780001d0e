import { z } from "zod";

const headers = z.record(z.string(), z.string());
const keyIds = z.array(z.string()).optional();
const when = z.enum(["before", "after"]).default("after");

/** What can go wrong with one request. Unless it says otherwise, the request has no effect. */
export const Fault = z.discriminatedUnion("kind", [
  /** An error in the API's envelope; or `body` as it is, from whoever stands in between. */
  z.strictObject({
    kind: z.literal("status"),
    status: z.number().int().min(200).max(599),
    type: z.string().optional(),
    errorCode: z.string().optional(),
    message: z.string().optional(),
    headers: headers.optional(),
    body: z.unknown().optional(),
  }),
  /** 429 for a credential that authenticates; others still get their 401. `retryAfter` in seconds, or any text. */
  z.strictObject({
    kind: z.literal("rate_limit"),
    retryAfter: z.union([z.number(), z.string()]).optional(),
    errorCode: z.string().optional(),
  }),
  /** 529. */
  z.strictObject({ kind: z.literal("overloaded") }),
  /** The account cannot pay; sources name both statuses (facts 6). */
  z.strictObject({ kind: z.literal("no_credit"), as: z.union([z.literal(400), z.literal(402)]) }),
  /** Never answers. */
  z.strictObject({ kind: z.literal("hang") }),
  /** Closes the connection without an answer. */
  z.strictObject({ kind: z.literal("reset") }),
  /** Has its effect, then closes the connection without an answer. */
  z.strictObject({ kind: z.literal("success_then_timeout") }),
  /** Has its effect, then never answers. */
  z.strictObject({ kind: z.literal("success_then_hang") }),
  /** What a proxy in between might answer. */
  z.strictObject({ kind: z.literal("html"), status: z.number().int().default(200) }),
  /** Has its effect; the body ends in the middle, in a well-formed response or a broken-off one. */
  z.strictObject({ kind: z.literal("truncated"), framing: z.enum(["complete", "broken"]).default("complete") }),
  /** Waits before it has its effect, or between effect and answer. */
  z.strictObject({ kind: z.literal("delay"), ms: z.number().int().min(0).max(600_000), when }),
  /** Like `delay`, until the rule is removed: a test decides when, and needs no sleep. */
  z.strictObject({ kind: z.literal("gate"), when }),
  /** Key lists: the last id of a page is also the first of the next. */
  z.strictObject({ kind: z.literal("duplicate_ids") }),
  /** Key lists: the first page again and again, always with `has_more`. */
  z.strictObject({ kind: z.literal("repeated_page") }),
  /** Shown keys (all, or those named) have no hint, this hint, this status. */
  z.strictObject({ kind: z.literal("null_hints"), keyIds }),
  z.strictObject({ kind: z.literal("hint_collision"), hint: z.string(), keyIds }),
  z.strictObject({ kind: z.literal("unknown_status"), status: z.string(), keyIds }),
  /** Leaves a field out of the answer, or sets it: `has_more`, `data.scope`, `data.usage.requests`. */
  z.strictObject({ kind: z.literal("missing_field"), field: z.string() }),
  z.strictObject({ kind: z.literal("set_field"), field: z.string(), value: z.json() }),
  /** Sets response headers; null leaves one out. */
  z.strictObject({ kind: z.literal("headers"), headers: z.record(z.string(), z.string().nullable()) }),
]);
export type Fault = z.output<typeof Fault>;

export const FaultRule = z.strictObject({
  /** Every given part must fit; an absent part fits everything. */
  match: z
    .strictObject({
      method: z.string().optional(),
      /** A regular expression on the path. */
      path: z.string().refine(isPattern, "is not a regular expression").optional(),
      /** The key whose credential is used, or that the path names. */
      keyId: z.string().optional(),
    })
    .default({}),
  /** How many requests it hits; null: until removed. */
  times: z.number().int().positive().nullable().default(1),
  /** How many fitting requests pass before it starts. */
  after: z.number().int().nonnegative().default(0),
  fault: Fault,
});
export type FaultRule = z.output<typeof FaultRule>;
export type FaultRuleInput = z.input<typeof FaultRule>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
