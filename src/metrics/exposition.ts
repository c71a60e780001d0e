import { containsKey } from "../rotation/contains-key.ts";

export type Labels = Readonly<Record<string, string>>;
export interface Sample {
  labels: Labels;
  value: number;
  /** Of a histogram: which of its series. */
  part?: "_bucket" | "_sum" | "_count";
}
/** One metric with all its series. */
export interface Family {
  name: string;
  help: string;
  type: "gauge" | "counter" | "histogram";
  samples: readonly Sample[];
}

/** The content type of what `render` returns. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Prometheus' text format. A family without samples is left out, so that what is gone is gone; a value that is no number is
 * left out too; of two samples with the same labels the last one counts, because one duplicate spoils a whole scrape.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function render(families: readonly Family[]): string {
  return families
    .map(({ name, help, type, samples }) => {
      const lines = new Map<string, number>();
      for (const { labels, value, part } of samples)
        if (Number.isFinite(value)) lines.set(name + (part ?? "") + labelsOf(labels), value);
      if (lines.size === 0) return "";
      const body = [...lines].map(([series, value]) => `${series} ${value}\n`).join("");
      return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n${body}`;
    })
    .join("");
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Names of targets come from people and from secrets managers; none of them may carry a key out (P3). */
const escaped = (value: string): string =>
  (containsKey(value) ? "[key]" : value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** A gauge with one value, or none where it is unknown. */
export const gauge = (name: string, help: string, samples: readonly Sample[] | number | null): Family => ({
  name,
  help,
  type: "gauge",
  samples: samples === null ? [] : typeof samples === "number" ? [{ labels: {}, value: samples }] : samples,
});
