import type { LoadedConfig } from "../config/load.ts";
import { resolveSecret } from "../config/secrets.ts";
import { version } from "./cli/version.ts";
import type { Counters } from "./metrics/counters.ts";
import type { Log } from "./ports/notifier.ts";
import type { Tracing } from "./tracing/open.ts";

/** Traces as the configuration says; null without `tracing`, and then nothing of OpenTelemetry is loaded. */
export async function tracingOf(
  { config }: LoadedConfig,
  { counters, log }: { counters: Counters; log: Log },
): Promise<Tracing | null> {
  const { tracing, install } = config;
  if (tracing === undefined) return null;
  const { openTracing } = await import("./tracing/open.ts");
  return openTracing({
    ...tracing,
    install,
    version: version(),
    headers: () =>
      Object.fromEntries(
        Object.entries(tracing.headers).map(([name, ref]) => [name, resolveSecret(ref, `tracing.headers.${name}`)]),
      ),
    onEnd: (outcome, count) => counters.traces.add({ outcome }, count),
    onTrouble: (code) =>
      code === null
        ? log.info({ event: "tracing.works_again" }, "the collector takes spans again")
        : log.warn(
            { event: "tracing.failing", code },
            "the collector does not take spans; what does not fit is dropped",
          ),
  });
}

/** Requests are counted, and those of a step are spans as well. */
export const tracedRequests = (counters: Counters, tracing: Tracing | null): Counters =>
  tracing === null
    ? counters
    : {
        ...counters,
        request: (told, seconds) => {
          counters.request(told, seconds);
          tracing.request(told, seconds);
        },
      };
