import type { Labels } from "./exposition.ts";

/** Values by their labels, never more than so many. */
export interface Series<T> {
  /** Made when it is new. The order of labels makes no other series. */
  at(labels: Labels): T;
  all(): [Labels, T][];
}

/** More series than this come from a mistake; what is beyond is counted as `other`, so that no scrape grows without end. */
const MOST_SERIES = 500;

export function seriesOf<T>(fresh: () => T): Series<T> {
  const series = new Map<string, [Labels, T]>();
  const find = (labels: Labels, id: string): T => {
    const found = series.get(id) ?? [labels, fresh()];
    series.set(id, found);
    return found[1];
  };
  return {
    at: (labels) => {
      const id = idOf(labels);
      if (series.size < MOST_SERIES || series.has(id)) return find(labels, id);
      const other: Labels = Object.fromEntries(Object.keys(labels).map((label) => [label, "other"]));
      return find(other, idOf(other));
    },
    all: () => [...series.values()],
  };
}

const idOf = (labels: Labels): string =>
  JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
