import { differsOnlyInField, readField, replaceField } from "../json-field.ts";

/** A secret's text, seen as one field of a JSON document or, with `field` null, as a whole. */
export const valueIn = (document: string, field: string | null): string | null =>
  field === null ? document || null : readField(document, field);

export const withValue = (document: string, field: string | null, value: string): string =>
  field === null ? value : replaceField(document, field, value);

/** Whether two documents hold the same apart from the field. A pending text that cannot be read differs. */
export function sameElsewhere(a: string, b: string, field: string | null): boolean {
  if (field === null) return true;
  try {
    return differsOnlyInField(a, b, field);
  } catch {
    return false;
  }
}
