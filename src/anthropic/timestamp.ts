const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Epoch milliseconds of an RFC 3339 time with a zone; null for anything else. Without a zone a time means nothing. */
export function parseTimestamp(value: unknown): number | null {
  if (typeof value !== "string" || !RFC3339.test(value)) return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

/** `2026-11-18T00:00:00Z`, the form in the API's own examples. */
export const formatTimestamp = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
