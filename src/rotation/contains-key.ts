import { KeyturnError } from "./errors.ts";

/**
 * More of a key or token than may be shown: Anthropic's keys and tokens from the seventh character behind their prefix on (a
 * hint shows three), Slack's tokens, webhook secrets.
 */
const KEY = /sk-ant-[a-z0-9]+-[\w-]{6,}|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|whsec_[A-Za-z0-9+/=_-]{8,}/i;

/** Whether a text that a person typed has a key in it, also percent-encoded. A hint or a key's id is none. */
export const containsKey = (text: string): boolean => KEY.test(text) || KEY.test(decoded(text));

/**
 * Refuses words with a key in them before they are looked up, kept, logged or quoted (P3).
 * @param what it is, as in `The reason` @throws USAGE with the reason `key_in_text`
 */
export function refuseKey(what: string, text: string | null | undefined): void {
  if (text === null || text === undefined || !containsKey(text)) return;
  throw new KeyturnError("USAGE", `${what} looks as if it had a key in it, so nothing was done.`, {
    reason: "key_in_text",
    next: "Treat that key as leaked: disable it in the Console and create another. Keys go to the one-time page or `keyturn submit` only.",
  });
}

/** What can be decoded is, part by part: one stray `%` must not hide the rest. */
const decoded = (text: string): string =>
  text.replaceAll(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
