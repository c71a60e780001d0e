import { z } from "zod";

/**
 * The body of a submission: one line of JSON, a line feed, then the key exactly as it was pasted.
 *
 * The link's token is in the body and not in a header, because proxies, tracing agents and error trackers record headers by
 * default and bodies only when told to. The key is outside the JSON, because a parser that stumbles quotes what it
 * stumbled over, and because it then never exists as a part of a larger text. One body keeps the two together, so that no
 * half of a request means anything.
 */
const Head = z.strictObject({
  token: z.string().max(100),
  acceptExpiry: z.boolean().default(false),
  replace: z.boolean().default(false),
  keyId: z
    .string()
    .regex(/^apikey_[A-Za-z0-9_]{1,100}$/)
    .nullable()
    .default(null),
});
export type SubmissionHead = z.infer<typeof Head>;

export type Framed = { ok: true; head: SubmissionHead; pasted: string } | { ok: false; why: "malformed" | "not_text" };

const LINE_FEED = 0x0a;
const LONGEST_HEAD = 1024;

/** Reads the two parts. The caller wipes `body`; the text of the key cannot be wiped (facts: security.md section 8). */
export function readFramed(body: Buffer): Framed {
  const end = body.subarray(0, LONGEST_HEAD).indexOf(LINE_FEED);
  if (end < 0) return { ok: false, why: "malformed" };
  const head = Head.safeParse(parsed(body.subarray(0, end)));
  if (!head.success) return { ok: false, why: "malformed" };
  const pasted = textOf(body.subarray(end + 1));
  return pasted === null ? { ok: false, why: "not_text" } : { ok: true, head: head.data, pasted };
}

const Token = z.strictObject({ token: z.string().max(100) });

/** The token of a look, or null. */
export function readToken(body: Buffer): string | null {
  const read = Token.safeParse(parsed(body));
  return read.success ? read.data.token : null;
}

/** A parser's error quotes its input: it stays here. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Valid UTF-8 without control characters other than white space, else null. */
function textOf(bytes: Buffer): string | null {
  for (const byte of bytes)
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
