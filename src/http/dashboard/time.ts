import type { Instant } from "../../rotation/record.ts";
import { type Html, html } from "./html.ts";

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
];

/** `3 days`, `1 hour`: the largest unit that fits, rounded. @param ms without a sign */
export function lasting(ms: number): string {
  const [size, unit] = UNITS.find(([least]) => ms >= least) ?? [1000, "second"];
  const amount = Math.round(ms / size);
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

/** `3 of 90 days`, `8 hours of 90 days`. */
export function partOf(ms: number, wholeMs: number): string {
  const [part = "", unit = ""] = lasting(ms).split(" ");
  const whole = lasting(wholeMs);
  return whole.split(" ")[1]?.replace(/s$/, "") === unit.replace(/s$/, "")
    ? `${part} of ${whole}`
    : `${part} ${unit} of ${whole}`;
}

/** `in 3 days`, `2 hours ago`. */
export function relative(at: Instant, now: Instant): string {
  const ms = at - now;
  if (Math.abs(ms) < 1000) return ms > 0 ? "in a moment" : "a moment ago";
  return ms > 0 ? `in ${lasting(ms)}` : `${lasting(-ms)} ago`;
}

/** `2026-11-20 12:00 UTC`. */
export const absolute = (at: Instant): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Words for people, the exact time for machines and for whoever points at it. */
export const time = (at: Instant, now: Instant): Html =>
  html`<time datetime="${new Date(at).toISOString()}" title="${absolute(at)}">${relative(at, now)}</time>`;

/** Both in words, where the date itself matters. */
export const dated = (at: Instant, now: Instant): Html =>
  html`<time datetime="${new Date(at).toISOString()}">${absolute(at)}</time>
    <span class="quiet">(${relative(at, now)})</span>`;
