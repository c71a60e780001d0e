import { createHash, randomBytes } from "node:crypto";

/** 32 random bytes as text that fits into a URL fragment. */
export const newLinkToken = (): string => randomBytes(32).toString("base64url");

/** Whether a text has the form of such a token; anything else is unknown without asking anybody. */
export const isLinkToken = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/** What is kept of a token. It carries 256 random bits, so the digest needs no pepper. SHA-256, hex. */
export const linkHashOf = (token: string): string => createHash("sha256").update(token).digest("hex");
