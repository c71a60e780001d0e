import { createHash } from "node:crypto";

/** `length` characters of base64url, the same for the same seed. */
function body(seed: string, length: number): string {
  let text = "";
  for (let block = 0; text.length < length; block += 1) {
    text += createHash("sha256").update(`keyturn/test-key/${seed}/${block}`).digest("base64url");
  }
  return text.slice(0, length);
}

/** Looks like an Anthropic API key (108 characters); built here so that no file holds a literal that looks like one. */
export const makeKey = (seed: string): string => `sk-ant-api03-${body(seed, 93)}AA`;
/** Looks like an Admin key. */
export const makeAdminKey = (seed: string): string => `sk-ant-admin01-${body(`admin/${seed}`, 91)}AA`;
/** Looks like an OAuth access token. */
export const makeOauthToken = (seed: string): string => `sk-ant-oat01-${body(`oauth/${seed}`, 93)}AA`;
