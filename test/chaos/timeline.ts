import { appendFileSync } from "node:fs";

/** What was done to the installation and when, as JSON lines. Key text is never in it. */
export interface Timeline {
  file: string;
  note(kind: string, facts?: Record<string, unknown>): void;
  /** How often each kind was noted. */
  counts(): Record<string, number>;
}

export function openTimeline(file: string): Timeline {
  const counts = new Map<string, number>();
  return {
    file,
    note: (kind, facts = {}) => {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      appendFileSync(file, `${JSON.stringify({ at: Date.now(), kind, ...facts })}\n`);
    },
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b))),
  };
}
