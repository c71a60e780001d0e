import { readField, replaceField } from "../json-field.ts";

/**
 * The value in a payload: of the JSON field, or with `field` null the whole payload. White space around a whole
 * payload is not part of the value (`echo key | gcloud secrets versions add` leaves a line feed, and no client can
 * send one in a header). null: empty or not there. @throws STORE_CONFLICT as `readField`
 */
export function valueIn(text: string, field: string | null): string | null {
  if (field !== null) return readField(text, field);
  const value = text.trim();
  return value === "" ? null : value;
}

/** The payload with that value replaced and every other character as it was. @throws as `replaceField` */
export function withValue(text: string, field: string | null, value: string): string {
  if (field !== null) return replaceField(text, field, value);
  const start = text.length - text.trimStart().length;
  return text.slice(0, start) + value + text.slice(text.trimEnd().length);
}
