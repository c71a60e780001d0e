import { type Family, gauge } from "./exposition.ts";

/** What every scraped process tells under these names, so that common dashboards work. */
export function processFamilies(given: { version: string; install: string; startedAt: number }): Family[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge("keyturn_build_info", "1, with the version and the installation's name.", [
      { labels: { version: given.version, install: given.install }, value: 1 },
    ]),
    gauge("process_start_time_seconds", "When this process started.", given.startedAt / 1000),
    gauge("process_resident_memory_bytes", "Memory that this process holds.", process.memoryUsage.rss()),
    {
      name: "process_cpu_seconds_total",
      help: "Processor time of this process.",
      type: "counter",
      samples: [{ labels: {}, value: (user + system) / 1_000_000 }],
    },
  ];
}
