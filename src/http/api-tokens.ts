import { createHash, timingSafeEqual } from "node:crypto";
import { KeyturnError } from "../rotation/errors.ts";
import type { SecretText } from "../rotation/secret.ts";

export type Scope = "read" | "decide" | "emergency";

/** A token as it is configured. */
export interface ConfiguredToken {
  name: string;
  scopes: readonly Scope[];
  /** The token itself, read at each use so that a replaced one is picked up. */
  read: () => SecretText;
}

/** Who holds a token. */
export interface TokenHolder {
  name: string;
  scopes: readonly Scope[];
}

export interface ApiTokens {
  /** null: no configured token is this text. */
  holderOf(text: string): TokenHolder | null;
}

/** Of a token that cannot be guessed (characters). */
const LEAST = 32;

const digest = (text: string): Buffer => createHash("sha256").update("keyturn/api-token/v1\0").update(text).digest();

/**
 * The tokens of the HTTP API. Digests are compared in constant time and all of them every time, so that time tells nothing.
 * A token that cannot be read any more lets nobody in.
 * @throws CONFIG_INVALID when one cannot be read now, is shorter than 32 characters, or is the same as another
 */
export function apiTokens(configured: readonly ConfiguredToken[]): ApiTokens {
  const seen = new Map<string, string>();
  for (const token of configured) {
    const path = `api.tokens.${token.name}.token`;
    const id = digestOf(token)?.toString("hex");
    if (id === undefined)
      throw new KeyturnError("CONFIG_INVALID", `${path}: has fewer than ${LEAST} characters.`, {
        next: "Make one with `openssl rand -base64 32`.",
      });
    const other = seen.get(id);
    if (other !== undefined)
      throw new KeyturnError("CONFIG_INVALID", `${path}: is the same as that of ${other}.`, {
        next: "Give every name a token of its own.",
      });
    seen.set(id, token.name);
  }
  return {
    holderOf: (text) => {
      const given = digest(text);
      let found: TokenHolder | null = null;
      for (const token of configured) {
        const expected = present(token);
        if (timingSafeEqual(given, expected ?? Buffer.alloc(given.length)) && expected !== null)
          found = { name: token.name, scopes: token.scopes };
      }
      return found;
    },
  };
}

function present(token: ConfiguredToken): Buffer | null {
  try {
    return digestOf(token);
  } catch {
    return null;
  }
}

/** null: too short to be one. @throws CONFIG_INVALID when it cannot be read */
function digestOf(token: ConfiguredToken): Buffer | null {
  const secret = token.read();
  try {
    return secret.use((text) => (text.length < LEAST ? null : digest(text)));
  } finally {
    secret.wipe();
  }
}
