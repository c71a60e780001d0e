import type { SecretText } from "../rotation/secret.ts";
import { sign } from "./signature.ts";

/** How one request ended. Nothing of the answer's body is kept. */
export type PostEnd =
  | { end: "delivered" }
  /** 410: nobody listens there any more. */
  | { end: "gone" }
  /** The receiver does not want it as it is: waiting hardly helps. */
  | { end: "refused"; code: string }
  | { end: "unavailable"; code: string; retryAfterMs: number | null };

export interface PostOptions {
  url: string;
  secret: () => SecretText;
  /** The whole request, milliseconds. */
  timeoutMs: number;
  /** Tests put their own here. */
  fetch?: typeof globalThis.fetch;
}

const NOT_FINAL = new Set([408, 425, 429]);

/**
 * Posts one signed message. No redirect is followed: the secret's holder is who the configuration names, nobody else.
 * @param now milliseconds since 1970 @throws CONFIG_INVALID when the secret cannot be read
 */
export async function post(options: PostOptions, id: string, body: string, now: number): Promise<PostEnd> {
  const timestamp = Math.floor(now / 1000);
  const secret = options.secret();
  const signature = sign(secret, id, timestamp, body);
  secret.wipe();
  let response: Response;
  try {
    response = await (options.fetch ?? fetch)(options.url, {
      method: "POST",
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs),
      headers: {
        "content-type": "application/json",
        "user-agent": "keyturn",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signature,
      },
      body,
    });
  } catch (error) {
    const timedOut = error instanceof Error && error.name === "TimeoutError";
    return { end: "unavailable", code: timedOut ? "TIMEOUT" : "UNREACHABLE", retryAfterMs: null };
  }
  // The status says it all; a body without end must not be read.
  await response.body?.cancel().catch(() => undefined);
  return endOf(response, now);
}

function endOf({ status, headers }: Response, now: number): PostEnd {
  if (status >= 200 && status < 300) return { end: "delivered" };
  if (status === 410) return { end: "gone" };
  const code = `HTTP_${status}`;
  if (status >= 500 || NOT_FINAL.has(status))
    return { end: "unavailable", code, retryAfterMs: retryAfter(headers.get("retry-after"), now) };
  return { end: "refused", code };
}

/** Seconds or a date; null for anything else. */
function retryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
