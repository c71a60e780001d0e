import { createHash } from "node:crypto";
import { inspect } from "node:util";

/**
 * Key material in memory. It prints as its hint in every way a value can be printed, and its bytes can be wiped;
 * a JavaScript string can not, so the string exists only while `use` runs (facts: security.md section 8).
 */
export class SecretText {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Copies the text into memory of its own, outside the shared pool, so that wiping it wipes nothing else. */
  static from(text: string): SecretText {
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text, "utf8"));
    bytes.write(text, "utf8");
    return new SecretText(bytes);
  }

  /** Hands the text to `fn` for the shortest possible time. Do not keep it, log it or put it into an error. */
  use<T>(fn: (text: string) => T): T {
    return fn(this.#bytes.toString("utf8"));
  }

  /** The part that may be shown, see `hintOf`. */
  get hint(): string {
    return this.use(hintOf);
  }

  /** Identifies the text without revealing it, see `fingerprintOf`. */
  get fingerprint(): string {
    return this.use(fingerprintOf);
  }

  equals(other: SecretText): boolean {
    return this.#bytes.equals(other.#bytes);
  }

  /** Overwrites the bytes. Safe to repeat; afterwards the secret is a text of NULs. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return `[key ${this.hint}]`;
  }
  toJSON(): string {
    return this.toString();
  }
  [inspect.custom](): string {
    return this.toString();
  }
}

/**
 * The redacted form the Admin API shows: the 13-character prefix, three more characters, `...`, the last four
 * (facts: anthropic-api.md 1.5). Texts too short for that show nothing at all.
 */
export function hintOf(text: string): string {
  return text.length < 40 ? "…" : `${text.slice(0, 16)}...${text.slice(-4)}`;
}

/**
 * 32 hex digits of a domain-separated SHA-256. A key carries over 500 random bits, so the digest can be stored and
 * compared without a pepper.
 */
export function fingerprintOf(text: string): string {
  return createHash("sha256").update("keyturn/fingerprint/v1\0").update(text, "utf8").digest("hex").slice(0, 32);
}

/** How much of a fingerprint fits into a mark (R16). */
export const markFingerprint = (fingerprint: string): string => fingerprint.slice(0, 16);

const plainHint = (hint: string): string => hint.replace("…", "...");
/** A hint without the key's prefix: what two spellings of one hint have in common. */
export const bareHint = (hint: string): string => plainHint(hint).replace(/^sk-ant-(api\d{2}-)?/, "");

/**
 * Whether two hints name the same key: `…` counts as `...`, and the `apiNN` prefix is ignored only when one side
 * lacks it (R11). A null hint, or one that shows nothing, matches nothing.
 */
export function sameHint(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return false;
  const full = (hint: string) => /^sk-ant-api\d{2}-/.test(hint);
  // A hint that shows no character of the key names none.
  if (/^(\.\.\.)?$/.test(bareHint(a))) return false;
  return full(a) && full(b) ? plainHint(a) === plainHint(b) : bareHint(a) === bareHint(b);
}
