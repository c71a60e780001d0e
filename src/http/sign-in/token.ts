import { createHash, timingSafeEqual } from "node:crypto";
import { KeyturnError } from "../../rotation/errors.ts";
import type { SecretText } from "../../rotation/secret.ts";

/** Of a token that cannot be guessed. */
const LEAST = 32;

/** The one token that signs its holder in. */
export interface StaticToken {
  /** Compares digests in constant time, so that time tells nothing about the token. */
  is(text: string): boolean;
  /** Names the present token without revealing it; another after it is replaced. */
  version(): string;
}

const digest = (text: string): Buffer => createHash("sha256").update("keyturn/sign-in/v1\0").update(text).digest();

/**
 * @param read the configured token, read at each use so that a replaced one is picked up
 * @throws CONFIG_INVALID when it cannot be read now, or has fewer than 32 characters
 */
export function staticToken(read: () => SecretText): StaticToken {
  const now = (): Buffer => {
    const secret = read();
    try {
      return secret.use((text) => {
        if (text.length < LEAST)
          throw new KeyturnError("CONFIG_INVALID", `signIn.token has fewer than ${LEAST} characters.`, {
            next: "Make one with `openssl rand -base64 32`.",
          });
        return digest(text);
      });
    } finally {
      secret.wipe();
    }
  };
  now();
  return {
    is: (text) => timingSafeEqual(digest(text), now()),
    version: () => `token:${createHash("sha256").update(now()).digest("hex").slice(0, 16)}`,
  };
}
