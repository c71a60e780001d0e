import type { Family, Labels } from "./exposition.ts";

/** Counts since the start of this process, one number per set of labels. */
export interface Counter {
  /** Safe to call from anywhere: never throws. */
  add(labels: Labels, amount?: number): void;
  family(): Family;
}

/** More series than this come from a mistake; what is beyond is counted as `other`, so that no scrape grows without end. */
const MOST_SERIES = 500;

/**
 * @param known series that are there from the start with 0: a counter that appears with 1 has not increased for Prometheus
 */
export function createCounter(name: string, help: string, known: readonly Labels[]): Counter {
  const series = new Map<string, { labels: Labels; value: number }>();
  const idOf = (labels: Labels) => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const at = (labels: Labels) => {
    const id = idOf(labels);
    let found = series.get(id);
    if (found === undefined) series.set(id, (found = { labels, value: 0 }));
    return found;
  };
  for (const labels of known) at(labels);
  const other = (labels: Labels): Labels => Object.fromEntries(Object.keys(labels).map((label) => [label, "other"]));
  return {
    add: (labels, amount = 1) => {
      const fits = series.size < MOST_SERIES || series.has(idOf(labels));
      at(fits ? labels : other(labels)).value += amount;
    },
    family: () => ({ name, help, type: "counter", samples: [...series.values()] }),
  };
}

/** What this process did and met; everything else is looked up when somebody scrapes. */
export interface Counters {
  /** `code`: the HTTP status, `timeout` or `network` for the API; `ok` or an error code for a secrets manager. */
  provider: Counter;
  events: Counter;
  auditFailures: Counter;
  /** Seconds. */
  budgetWait: Counter;
  families(): Family[];
}

const ADMIN_OPERATIONS = ["organization", "list_keys", "get_key", "set_key_status", "usage"];

export function createCounters(): Counters {
  const provider = createCounter(
    "keyturn_provider_requests_total",
    "Requests to the Anthropic API and calls of secrets managers, by answer.",
    ADMIN_OPERATIONS.flatMap((operation) =>
      ["200", "401", "403"].map((code) => ({ provider: "anthropic", operation, code })),
    ),
  );
  const events = createCounter(
    "keyturn_events_total",
    "Changes of rotations made by this process, by event.",
    ["opened", "key_rejected", "attention.raised", "attention.cleared"].map((event) => ({ event })),
  );
  const auditFailures = createCounter(
    "keyturn_audit_append_failures_total",
    "Times that the audit log could not be written, although Redis answered.",
    [{}],
  );
  const budgetWait = createCounter(
    "keyturn_admin_budget_wait_seconds_total",
    "Time that requests of this process waited for room in the Admin API's shared budget, by urgency.",
    ["urgent", "step", "scan"].map((urgency) => ({ urgency })),
  );
  return {
    provider,
    events,
    auditFailures,
    budgetWait,
    families: () => [provider.family(), events.family(), auditFailures.family(), budgetWait.family()],
  };
}
