import { overview } from "./app/overview.ts";
import { version } from "./cli/version.ts";
import { type App, redisSafety } from "./compose.ts";
import { metricsRoute } from "./http/metrics.ts";
import type { Route } from "./http/server.ts";
import type { ChainWatch } from "./metrics/chain.ts";
import { createCollector } from "./metrics/collect.ts";
import { CONTENT_TYPE, gauge } from "./metrics/exposition.ts";
import { createProcessMetrics } from "./metrics/process.ts";
import { recordFamilies } from "./metrics/records.ts";
import { fireTimesOf } from "./schedule/fire-times.ts";

/** Wake-ups that are lost are repaired within seconds; what is later than this nobody works on (milliseconds). */
const OVERDUE_MS = 60_000;
const MOST_OVERDUE = 1000;

/**
 * `/metrics` of this process: its own counts, and what Redis has of the installation at the moment of the scrape. Asks
 * neither the Admin API nor a secrets manager, so scraping costs nobody's budget. Every replica tells the same about the
 * installation; rules take the maximum over them.
 */
export function openMetrics(app: App, chain: ChainWatch): Route {
  const { deps, loaded, counters } = app;
  const { schedule, install } = loaded.config;
  const processMetrics = createProcessMetrics({ version: version(), install, startedAt: deps.clock.now() });
  const fires = fireTimesOf(schedule.scan, schedule.timeZone);
  const collect = createCollector({
    own: () => [...processMetrics(), ...counters.families(), ...chain.families()],
    parts: {
      records: async () => {
        const [seen, unshipped] = await Promise.all([overview(deps), deps.audit.unshipped()]);
        return [...recordFamilies({ ...seen, scanScheduled: fires.previous(seen.now) }), unshippedFamily(unshipped)];
      },
      queue: async () => {
        const [jobs, overdue] = await Promise.all([
          app.queue.counts(),
          deps.rotations.due(deps.clock.now() - OVERDUE_MS, MOST_OVERDUE),
        ]);
        return [
          gauge(
            "keyturn_queue_jobs",
            "Wake-ups: that a worker could take now, that are worked on, that are for later, that failed.",
            Object.entries(jobs).map(([state, value]) => ({ labels: { state }, value })),
          ),
          gauge(
            "keyturn_overdue_rotations",
            "Rotations that a worker should have looked at more than a minute ago.",
            overdue.length,
          ),
        ];
      },
      redis: async () => {
        const { severity, problems } = await redisSafety(app);
        return [
          gauge(
            "keyturn_redis_safe",
            "Whether Redis is set up to keep what it confirmed.",
            severity === "refuse" ? 0 : 1,
          ),
          gauge(
            "keyturn_redis_problem",
            "1 for each setting or status of Redis that may lose data; `refuse`: rotations may be lost.",
            problems.map((p) => ({ labels: { setting: p.setting, severity: p.severity }, value: 1 })),
          ),
        ];
      },
    },
  });
  return metricsRoute(collect, CONTENT_TYPE);
}

const unshippedFamily = (entries: number | null) =>
  gauge(
    "keyturn_audit_unshipped_entries",
    "Entries of the audit log that Redis has and the sink of this host is not known to have.",
    entries,
  );
