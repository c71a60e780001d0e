import { REASONS } from "../rotation/codes.ts";
import { STATES } from "../rotation/states.ts";
import type { Family, Labels } from "./exposition.ts";
import { type Histogram, REQUEST_BUCKETS, STEP_BUCKETS, WAIT_BUCKETS, createHistogram } from "./histogram.ts";
import { seriesOf } from "./series.ts";

/** Counts since the start of this process, one number per set of labels. */
export interface Counter {
  /** Safe to call from anywhere: never throws. @param amount 1 when left out */
  add(labels: Labels, amount?: number): void;
  family(): Family;
}

/**
 * @param known series that are there from the start with 0: a counter that appears with 1 has not increased for Prometheus
 */
export function createCounter(name: string, help: string, known: readonly Labels[]): Counter {
  const series = seriesOf(() => ({ value: 0 }));
  for (const labels of known) series.at(labels);
  return {
    add: (labels, amount = 1) => {
      series.at(labels).value += amount;
    },
    family: () => ({
      name,
      help,
      type: "counter",
      samples: series.all().map(([labels, { value }]) => ({ labels, value })),
    }),
  };
}

/** One request to somebody else: closed lists, never an id. */
export interface Told {
  /** `anthropic`, `slack`, `webhook`, or the type of a store. */
  provider: string;
  operation: string;
  code: string;
}

/** What this process did and met; everything else is looked up when somebody scrapes. */
export interface Counters {
  /**
   * `code`: of the API the HTTP status, `timeout` or `network`; of Slack `ok` or its code; of a webhook `delivered` or the
   * trouble's code; of a secrets manager `ok` or an error code.
   */
  provider: Counter;
  providerSeconds: Histogram;
  events: Counter;
  auditFailures: Counter;
  /** Seconds. */
  budgetWait: Counter;
  decisions: Counter;
  intake: Counter;
  verifications: Counter;
  completed: Counter;
  rotationSeconds: Histogram;
  stateSeconds: Histogram;
  stepSeconds: Histogram;
  scans: Counter;
  traces: Counter;
  /** Whether clicks come over Socket Mode at the moment; null: they come over HTTP, or not at all. */
  socket: { connected: boolean | null };
  /** Counts one request and how long it took. */
  request(told: Told, seconds: number): void;
  families(): Family[];
}

const ADMIN_OPERATIONS = ["organization", "list_keys", "get_key", "set_key_status", "usage"];
/** Without them Slack's first failure would be no increase. */
const SLACK_CODES = ["ok", "no_answer", "ratelimited", "invalid_auth"];
const FINAL = Object.entries(STATES).flatMap(([state, next]) => (next === null ? [state] : []));

export function createCounters(given: { slack?: boolean } = {}): Counters {
  const all: { family(): Family }[] = [];
  const counter = (name: string, help: string, known: readonly Labels[] = []): Counter => {
    const made = createCounter(name, help, known);
    all.push(made);
    return made;
  };
  const histogram = (name: string, help: string, buckets: readonly number[], known: readonly Labels[]): Histogram => {
    const made = createHistogram(name, help, buckets, known);
    all.push(made);
    return made;
  };
  const socket: Counters["socket"] = { connected: null };
  const counters = {
    provider: counter(
      "keyturn_provider_requests_total",
      "Requests to the Anthropic API, Slack and webhooks, and calls of secrets managers, by answer.",
      [
        ...ADMIN_OPERATIONS.flatMap((operation) =>
          ["200", "401", "403"].map((code) => ({ provider: "anthropic", operation, code })),
        ),
        ...(given.slack === true
          ? SLACK_CODES.map((code) => ({ provider: "slack", operation: "chat.postMessage", code }))
          : []),
      ],
    ),
    providerSeconds: histogram(
      "keyturn_provider_request_duration_seconds",
      "How long those requests and calls took, without the pauses before repeated ones.",
      REQUEST_BUCKETS,
      [{ provider: "anthropic", operation: "list_keys" }],
    ),
    events: counter(
      "keyturn_events_total",
      "Changes of rotations made by this process, by event.",
      ["opened", "key_rejected", "attention.raised", "attention.cleared"].map((event) => ({ event })),
    ),
    auditFailures: counter(
      "keyturn_audit_append_failures_total",
      "Times that the audit log could not be written, although Redis answered.",
      [{}],
    ),
    budgetWait: counter(
      "keyturn_admin_budget_wait_seconds_total",
      "Time that requests of this process waited for room in the Admin API's shared budget, by urgency.",
      ["urgent", "step", "scan"].map((urgency) => ({ urgency })),
    ),
    decisions: counter(
      "keyturn_decisions_total",
      "Decisions of people that this process took, by what was decided and the way it came.",
      ["approved", "rejected", "refused"].map((decision) => ({ decision, via: "cli" })),
    ),
    intake: counter(
      "keyturn_intake_submissions_total",
      "Replacement keys that were handed over to this process: accepted, or why not.",
      [{ outcome: "accepted", via: "cli" }],
    ),
    verifications: counter(
      "keyturn_verify_attempts_total",
      "Live calls with a key, by what they proved.",
      ["authenticate", "infer"].flatMap((call) => ["ok", "rejected"].map((outcome) => ({ call, outcome }))),
    ),
    completed: counter(
      "keyturn_rotations_completed_total",
      "Rotations that ended in this process, by their last state and the reason they were opened for.",
      FINAL.flatMap((outcome) => Object.keys(REASONS).map((reason) => ({ outcome, reason }))),
    ),
    rotationSeconds: histogram(
      "keyturn_rotation_duration_seconds",
      "From the opening of a rotation to its end.",
      WAIT_BUCKETS,
      FINAL.map((outcome) => ({ outcome })),
    ),
    stateSeconds: histogram(
      "keyturn_state_duration_seconds",
      "How long rotations were in the state that they left.",
      WAIT_BUCKETS,
      [{ state: "awaiting_approval" }, { state: "awaiting_replacement" }],
    ),
    stepSeconds: histogram(
      "keyturn_step_duration_seconds",
      "How long a worker took for one step, by the state it was taken in.",
      STEP_BUCKETS,
      [],
    ),
    scans: counter("keyturn_scans_total", "Scans that the schedule of this process asked for, by outcome.", [
      { outcome: "ok" },
      { outcome: "lock_held" },
    ]),
    traces: counter("keyturn_trace_spans_total", "Spans that the collector took, and those that were dropped.", []),
    socket,
  };
  return {
    ...counters,
    request: (told, seconds) => {
      counters.provider.add({ ...told });
      counters.providerSeconds.observe({ provider: told.provider, operation: told.operation }, seconds);
    },
    families: () => [...all.map((made) => made.family()), socketFamily(socket.connected)],
  };
}

const socketFamily = (connected: boolean | null): Family => ({
  name: "keyturn_slack_socket_connected",
  help: "Whether clicks come over Socket Mode at the moment.",
  type: "gauge",
  samples: connected === null ? [] : [{ labels: {}, value: Number(connected) }],
});
