import { type Family, type Labels, type Sample } from "./exposition.ts";
import { seriesOf } from "./series.ts";

/** How long something took, since the start of this process: per set of labels a count, a sum and cumulative buckets. */
export interface Histogram {
  /** Safe to call from anywhere: never throws. @param seconds what is no number, or negative, counts as 0 */
  observe(labels: Labels, seconds: number): void;
  family(): Family;
}

/** Upper bounds in seconds, ascending. A request to the API or a secrets manager, retries not included. */
export const REQUEST_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** One step of a rotation: some requests, and at most their patience. */
export const STEP_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** What people and clocks take: from a minute to a month. */
export const WAIT_BUCKETS = [60, 600, 3600, 6 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400];

/**
 * @param buckets upper bounds in seconds, ascending; `+Inf` is added
 * @param known series that are there from the start with 0
 */
export function createHistogram(
  name: string,
  help: string,
  buckets: readonly number[],
  known: readonly Labels[] = [],
): Histogram {
  const series = seriesOf(() => ({ sum: 0, count: 0, under: buckets.map(() => 0) }));
  for (const labels of known) series.at(labels);
  return {
    observe: (labels, seconds) => {
      const value = seconds > 0 && Number.isFinite(seconds) ? seconds : 0;
      const found = series.at(labels);
      found.sum += value;
      found.count += 1;
      for (const [i, bound] of buckets.entries()) if (value <= bound) found.under[i] = (found.under[i] ?? 0) + 1;
    },
    family: () => ({ name, help, type: "histogram", samples: series.all().flatMap(samplesOf) }),
  };

  function samplesOf([labels, { sum, count, under }]: [
    Labels,
    { sum: number; count: number; under: number[] },
  ]): Sample[] {
    const bucket = (le: string, value: number): Sample => ({ labels: { ...labels, le }, value, part: "_bucket" });
    return [
      ...buckets.map((bound, i) => bucket(String(bound), under[i] ?? 0)),
      bucket("+Inf", count),
      { labels, value: sum, part: "_sum" },
      { labels, value: count, part: "_count" },
    ];
  }
}
