import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Family, gauge } from "./exposition.ts";

const NANO = 1e9;

/**
 * What every scraped process tells under these names, so that common dashboards work. The lag of the event loop is that
 * since the last scrape.
 */
export function createProcessMetrics(given: { version: string; install: string; startedAt: number }): () => Family[] {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  return () => {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    // Nothing was measured yet: then there is no value, and no wrong one.
    const [mean, p99, most] = lag.count === 0 ? [null, null, null] : [lag.mean, lag.percentile(99), lag.max];
    lag.reset();
    const seconds = (nano: number | null): number | null => (nano === null ? null : nano / NANO);
    return [
      gauge("keyturn_build_info", "1, with the version, the installation's name and the version of Node.", [
        { labels: { version: given.version, install: given.install, node: process.versions.node }, value: 1 },
      ]),
      gauge("process_start_time_seconds", "When this process started.", given.startedAt / 1000),
      gauge("process_resident_memory_bytes", "Memory that this process holds.", memory.rss),
      {
        name: "process_cpu_seconds_total",
        help: "Processor time of this process.",
        type: "counter",
        samples: [{ labels: {}, value: (user + system) / 1_000_000 }],
      },
      gauge("process_open_fds", "Open files and connections of this process; on Linux.", openFiles()),
      gauge("nodejs_heap_size_total_bytes", "Memory that JavaScript's heap has.", memory.heapTotal),
      gauge("nodejs_heap_size_used_bytes", "Memory that JavaScript's heap uses.", memory.heapUsed),
      gauge("nodejs_external_memory_bytes", "Memory of buffers outside of the heap.", memory.external),
      gauge("nodejs_eventloop_lag_seconds", "How late the event loop was since the last scrape, on average.", seconds(mean)),
      gauge("nodejs_eventloop_lag_p99_seconds", "How late the event loop was in its slowest hundredth.", seconds(p99)),
      gauge("nodejs_eventloop_lag_max_seconds", "How late the event loop was at most since the last scrape.", seconds(most)),
    ];
  };
}

function openFiles(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return null;
  }
}
