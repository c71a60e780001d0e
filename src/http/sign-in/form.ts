import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isOfType, readBody } from "../body.ts";
import { comesFrom } from "../headers.ts";

/** Larger than any form of ours. */
const LARGEST = 16 * 1024;

/** A form that is not taken: the page says why. */
export class FormRefused extends Error {
  readonly status: 403 | 415;
  constructor(status: 403 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/**
 * The address under which the browser sees us: the configured one; without one only this machine's own names are believed,
 * so that a name of somebody else that resolves to this machine is not. null: neither.
 */
export function ownAddress(request: IncomingMessage, publicUrl: string | null): string | null {
  if (publicUrl !== null) return publicUrl;
  const host = request.headers.host ?? "";
  return LOOPBACK.test(host) ? `http://${host}` : null;
}

/**
 * The fields of a form that our own page sent, at most 16 KiB.
 * @throws FormRefused when another page or a program sent it, BodyRefused when it is too large or cut off
 */
export async function readForm(request: IncomingMessage, publicUrl: string | null): Promise<URLSearchParams> {
  const own = ownAddress(request, publicUrl);
  if (own === null)
    throw new FormRefused(
      403,
      "Keyturn does not know its own address. Set http.publicUrl to the address in your browser.",
    );
  const { origin } = request.headers;
  if (comesFrom(own, { origin, "sec-fetch-site": request.headers["sec-fetch-site"] }) !== "ours")
    throw new FormRefused(403, "This form did not come from Keyturn's own page, so nothing was done.");
  if (!isOfType(request, "application/x-www-form-urlencoded"))
    throw new FormRefused(415, "Only forms are read here, so nothing was done.");
  const body = await readBody(request, LARGEST);
  const fields = new URLSearchParams(body.toString("utf8"));
  body.fill(0);
  return fields;
}

/** @throws FormRefused when the form was not made for this session */
export function requireCsrf(fields: URLSearchParams, csrf: string): void {
  const given = Buffer.from(fields.get("csrf") ?? "");
  const wanted = Buffer.from(csrf);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new FormRefused(403, "This page is from an earlier session, so nothing was done. Open it again and repeat.");
}
