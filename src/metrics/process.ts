import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Family, gauge } from "./exposition.ts";

/** How often the loop is looked at; a measured delay has it in it (milliseconds). */
const RESOLUTION_MS = 10;

/**
 * What every scraped process tells under these names, so that common dashboards work. The lag of the event loop is that
 * since the last scrape.
 */
export function createProcessMetrics(given: { version: string; install: string; startedAt: number }): () => Family[] {
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  lag.enable();
  let late = { mean: 0, p99: 0, max: 0 };
  return () => {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    // Two scrapes right after each other: nothing was measured between them, and the same counts.
    if (lag.count > 0) {
      late = { mean: lateBy(lag.mean), p99: lateBy(lag.percentile(99)), max: lateBy(lag.max) };
      lag.reset();
    }
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
      gauge(
        "nodejs_eventloop_lag_seconds",
        "How late the event loop was since the last scrape, on average.",
        late.mean,
      ),
      gauge("nodejs_eventloop_lag_p99_seconds", "How late the event loop was in its slowest hundredth.", late.p99),
      gauge("nodejs_eventloop_lag_max_seconds", "How late the event loop was at most since the last scrape.", late.max),
    ];
  };
}

/** Seconds beyond the look itself. */
const lateBy = (nano: number): number => Math.max(0, nano / 1e9 - RESOLUTION_MS / 1000);

function openFiles(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return null;
  }
}
