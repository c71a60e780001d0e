import type { IncomingMessage } from "node:http";

/** A body that is not taken: too large, cut off, or of another type than the route reads. */
export class BodyRefused extends Error {
  readonly status: 400 | 413 | 415;
  constructor(status: 400 | 413 | 415) {
    super(`body refused: ${status}`);
    this.status = status;
  }
}

/**
 * The whole body, at most `limit` bytes; the caller wipes it where it may hold a secret.
 * @throws BodyRefused 413 when it is larger (the rest is not read), 400 when the sender went away
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limit) throw new BodyRefused(413);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limit) throw new BodyRefused(413);
      parts.push(part);
    }
  } catch (error) {
    for (const part of parts) part.fill(0);
    if (error instanceof BodyRefused) throw error;
    throw new BodyRefused(400);
  }
  const whole = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  return whole;
}

/** Whether the request says it is of this media type; parameters such as the charset are ignored. */
export const isOfType = (request: IncomingMessage, type: string): boolean =>
  (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() === type;
