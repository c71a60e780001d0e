// What may be repeated of an answer: short words of a known shape. Everything else the other side says stays unsaid,
// because a body, a header or a name may quote a key (facts: security.md section 8).

const KEY_LIKE = /sk-ant-[A-Za-z0-9_-]{20,}/;
/** A quick look first: a listing has 100,000 keys with several such words each. */
const isKeyLike = (text: string): boolean => text.includes("sk-ant-") && KEY_LIKE.test(text);
function word(shape: RegExp): (text: string | null | undefined) => string | null {
  let last: string | null = null; // in a listing the same workspace and creator come thousands of times
  return (text) => {
    if (typeof text !== "string") return null;
    if (text === last) return text;
    if (!shape.test(text) || isKeyLike(text)) return null;
    last = text;
    return text;
  };
}

/** An id of the vendor (`apikey_…`, `wrkspc_…`, a UUID) or null when it does not look like one. */
export const safeId = word(/^[\w-]{1,128}$/);
/** The same, for ids that repeat from one record to the next. */
export const safeWorkspaceId = word(/^[\w-]{1,128}$/);
export const safeActorId = word(/^[\w-]{1,128}$/);
/** A `request-id` header, or null. */
export const safeRequestId = word(/^req_[A-Za-z0-9]{1,64}$/);
/** The code of a system or TLS error (`ECONNREFUSED`), or null. */
export const safeErrorCode = word(/^[A-Z][A-Z0-9_]{2,39}$/);

const safeMediaType = word(/^[a-z0-9]{1,20}\/[a-z0-9.+-]{1,40}$/);
/** `text/html` of `text/html; charset=utf-8`; a name in words when there is none or it looks odd. */
export function safeContentType(header: string | null): string {
  if (header === null) return "no content type";
  const type = header.split(";")[0]?.trim().toLowerCase();
  return safeMediaType(type) ?? "an odd content type";
}

/** A name given by people, fit for one line of a terminal or a log, and without any key pasted into it. */
export function safeName(name: string): string {
  if (PLAIN_NAME.test(name) && !name.includes("sk-ant-")) return name;
  return name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD")
    .replace(KEYS, "[key]")
    .slice(0, 500);
}
const PLAIN_NAME = /^[\x20-\x7e]{0,500}$/;
const KEYS = new RegExp(KEY_LIKE, "g");

/** A hint as the Admin API shows it. Anything longer, or not shortened at all, may be a whole key and is no hint. */
export const safeHint = word(/^[A-Za-z0-9_-]{0,24}(\.\.\.|…)[A-Za-z0-9_-]{0,8}$/);
