import type { Telemetry } from "bullmq";
import type { Span } from "@opentelemetry/api";
import type { SecretText } from "../rotation/secret.ts";
import { createContextManager, createPropagator } from "./context.ts";
import { createExporter } from "./exporter.ts";
import { toOtlp } from "./otlp.ts";
import type { EndedSpan } from "./span.ts";
import { TRACER, createTracerProvider } from "./tracer.ts";

export interface TracingOptions {
  /** Of the collector; `/v1/traces` is added unless it is there. */
  endpoint: string;
  headers: () => Readonly<Record<string, SecretText>>;
  sampleRatio: number;
  serviceName: string;
  install: string;
  version: string;
  onEnd?: (outcome: "exported" | "dropped", count: number) => void;
  onTrouble?: (code: string | null) => void;
}

/** Attributes of a span; what is not on the list (attributes.ts) is dropped. */
export type Said = Readonly<Record<string, string | number | null>>;

export interface Tracing {
  /** For BullMQ's queues and workers. */
  telemetry: Telemetry;
  /**
   * Does the work in a span. @param ids what log lines of the work say, so that they are found from the trace
   * @param said what the span says of the result
   */
  span<T>(
    name: string,
    work: (ids: { trace_id: string; span_id: string }) => Promise<T>,
    said: (result: T) => Said,
  ): Promise<T>;
  /** A request that has just ended, when it was made within a span. Never throws. */
  request(told: { provider: string; operation: string; code: string }, seconds: number): void;
  /** Sends what is left, for at most so long (milliseconds). Safe to repeat. */
  close(limitMs: number): Promise<void>;
}

/** Loads OpenTelemetry's API and BullMQ's adapter to it, and nothing else of OpenTelemetry (docs/adr/0008). */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const [api, { BullMQOtel }] = await Promise.all([import("@opentelemetry/api"), import("bullmq-otel")]);
  const resource = {
    "service.name": options.serviceName,
    "service.version": options.version,
    "service.namespace": options.install,
  };
  const exporter = createExporter<EndedSpan>({
    url: addressOf(options.endpoint),
    headers: options.headers,
    encode: (spans) => toOtlp(spans, resource, options.version),
    ...(options.onEnd === undefined ? {} : { onEnd: options.onEnd }),
    ...(options.onTrouble === undefined ? {} : { onTrouble: options.onTrouble }),
  });
  const { context, propagation, trace, SpanKind, SpanStatusCode } = api;
  context.setGlobalContextManager(createContextManager(api));
  propagation.setGlobalPropagator(createPropagator(api));
  const provider = createTracerProvider(api, { ratio: options.sampleRatio, ended: (span) => exporter.add(span) });
  trace.setGlobalTracerProvider(provider);
  const tracer = provider.getTracer(TRACER);
  const say = (span: Span, said: Said) => {
    for (const [name, value] of Object.entries(said)) if (value !== null) span.setAttribute(name, value);
    if (said["keyturn.outcome"] === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
  };
  let closing: Promise<void> | null = null;
  return {
    telemetry: withoutInternals(new BullMQOtel({ tracerName: TRACER }), SpanKind),
    span: async (name, work, said) => {
      const span = tracer.startSpan(name);
      const { traceId, spanId } = span.spanContext();
      try {
        const result = await context.with(trace.setSpan(context.active(), span), () =>
          work({ trace_id: traceId, span_id: spanId }),
        );
        say(span, said(result));
        return result;
      } catch (error) {
        span.recordException(error instanceof Error ? error : "unknown");
        throw error;
      } finally {
        span.end();
      }
    },
    request: ({ provider: to, operation, code }, seconds) => {
      if (trace.getSpan(context.active())?.isRecording() !== true) return;
      const began = performance.timeOrigin + performance.now() - seconds * 1000;
      const span = tracer.startSpan(`${to} ${operation}`, { kind: SpanKind.CLIENT, startTime: began });
      say(span, { "keyturn.provider": to, "keyturn.operation": operation, "keyturn.code": code });
      span.end();
    },
    close: (limitMs) =>
      (closing ??= exporter.close(limitMs).then(() => {
        for (const part of [trace, context, propagation]) part.disable();
      })),
  };
}

const addressOf = (endpoint: string): string => {
  const base = endpoint.replace(/\/+$/, "");
  return base.endsWith("/v1/traces") ? base : `${base}/v1/traces`;
};

/** BullMQ polls, renews and looks for stalled jobs all the time: only adding and processing a job are told. */
function withoutInternals(telemetry: Telemetry, kinds: { PRODUCER: number; CONSUMER: number }): Telemetry {
  const { tracer } = telemetry;
  return {
    contextManager: telemetry.contextManager,
    tracer: {
      startSpan: (name, options, context) => {
        const kind: number | undefined = options?.kind;
        return kind === kinds.PRODUCER || kind === kinds.CONSUMER ? tracer.startSpan(name, options, context) : SILENT;
      },
    },
  };
}

const nothing = () => undefined;
/** Leaves the context as it is. */
const SILENT: ReturnType<Telemetry["tracer"]["startSpan"]> = {
  setSpanOnContext: (context: unknown) => context,
  setAttribute: nothing,
  setAttributes: nothing,
  addEvent: nothing,
  recordException: nothing,
  end: nothing,
};
