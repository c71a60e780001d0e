import leven from "leven";

/** ` Did you mean "…"?` when something close exists, else nothing. */
export function suggest(given: string, known: readonly string[], prefix = ""): string {
  const best = [...new Set(known)]
    .map((name) => ({ name, far: leven(given, name) }))
    .toSorted((a, b) => a.far - b.far)[0];
  return best !== undefined && best.far <= Math.max(1, Math.floor(given.length / 2))
    ? ` Did you mean "${prefix}${best.name}"?`
    : "";
}
