import type { RefusalCode } from "./codes.ts";

/** No key is near this long; anything above is a wrong paste. */
export const LONGEST_KEY = 512;

/**
 * The first look at what a person pasted: one line of printable ASCII that has the shape of an API key. Answers with the
 * trimmed text or with what is wrong, never with the text itself (design section 5). A trailing line break is not an
 * error; the 108-character form is not demanded, since the documentation promises only the prefix (facts: 8).
 */
export function readPaste(pasted: string): { ok: true; text: string } | { ok: false; reason: RefusalCode } {
  // Takes a byte order mark and non-breaking spaces as well.
  const text = pasted.trim();
  if (text === "") return refuse("empty");
  if (/[\r\n]/.test(text)) return refuse("several_lines");
  if (text.length > LONGEST_KEY) return refuse("too_long");
  if (/^(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*[=:]/.test(text)) return refuse("assignment");
  if (/^["'`“”‘’].*["'`“”‘’]$/.test(text)) return refuse("quoted");
  if (/…|\.\.\./.test(text) && text.startsWith("sk-ant-")) return refuse("hint_pasted");
  if (!/^[\x21-\x7e]+$/.test(text)) return refuse("not_printable");
  if (text.startsWith("apikey_")) return refuse("key_id_pasted");
  if (text.startsWith("sk-ant-admin")) return refuse("admin_key");
  if (/^sk-ant-o[ar]t/.test(text)) return refuse("oauth_token");
  if (!/^sk-ant-api\d{2}-[A-Za-z0-9_-]{20,}$/.test(text)) return refuse("not_a_key");
  return { ok: true, text };
}

const refuse = (reason: RefusalCode) => ({ ok: false, reason }) as const;
