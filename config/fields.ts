import leven from "leven";
import { z } from "zod";
import { DURATION_PATTERN, parseDuration } from "./duration.ts";

/** The nearest of `known` when it is near enough to be a typing error, as a question. */
export function didYouMean(given: string, known: readonly string[]): string {
  const [best] = known
    .map((name) => ({ name, distance: leven(given.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);
  const limit = Math.max(2, Math.floor(given.length / 3));
  return best === undefined || best.distance > limit ? "" : `; did you mean \`${best.name}\`?`;
}

/** A mapping with fixed keys. Each unknown key gets one line of the message, in zod's order (see load.ts). */
export function section<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys
            .map((key) => `is not a known key${didYouMean(key, known) || `; known: ${known.join(", ")}`}`)
            .join("\n")
        : undefined,
  });
}

/** A length of time; in milliseconds once read. */
export const duration = () =>
  z
    .unknown()
    .transform((input, context) => {
      const result = parseDuration(input);
      if ("ms" in result) return result.ms;
      context.issues.push({ code: "custom", message: input === undefined ? "is missing" : result.problem, input });
      return z.NEVER;
    })
    .meta({ type: "string", format: "duration", pattern: DURATION_PATTERN });

/** Where a secret is: `env:NAME` or `file:/path`. Read at use, see secrets.ts. */
export type SecretReference = `env:${string}` | `file:${string}`;
export const REFERENCE_PATTERN = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/;

const NOT_A_REFERENCE = "must be a reference: env:NAME or file:/path, never the secret itself";

/** The message never quotes: what stands here instead of a reference is most likely the secret itself. */
export const reference = () =>
  z
    .string({
      error: ({ input }) => (input === undefined ? "is missing; write env:NAME or file:/path" : NOT_A_REFERENCE),
    })
    .regex(REFERENCE_PATTERN, NOT_A_REFERENCE)
    .transform((text) => text as SecretReference);

/** `host:port`, also `[::1]:6379`. */
export const hostAndPort = () =>
  z.string().regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, "must be host:port, such as redis-1:6379");

export const names = (what: RegExp, message: string) => z.array(z.string().regex(what, message));

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** An https address; plain http only to this machine. No user, password, query or fragment. */
export const webAddress = () =>
  z.string().superRefine((text, context) => {
    const problem = webAddressProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

function webAddressProblem(text: string): string | null {
  if (!URL.canParse(text)) return "must be an address such as https://example.com";
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== "" || password !== "") return "must not contain a user name or password";
  if (search !== "" || hash !== "") return "must not contain a query (?…) or fragment (#…)";
  if (protocol === "https:" || (protocol === "http:" && isLoopback(hostname))) return null;
  return "must start with https:// (http:// only for this machine: localhost, 127.0.0.1, [::1])";
}
