import { randomBytes } from "node:crypto";
import type * as otel from "@opentelemetry/api";
import type { Context, Span, SpanContext, SpanOptions, Tracer, TracerProvider } from "@opentelemetry/api";
import { type EndedSpan, nowNano, startSpan } from "./span.ts";

type Api = typeof otel;

/** Under this name alone spans are made: libraries that trace by themselves (cloud SDKs) get none. */
export const TRACER = "keyturn";

/**
 * Makes spans, one trace per step: whatever adds a job begins a trace of its own, linked to the step that added it, because
 * a trace over the days that a rotation takes would be of no use. The worker's span is then the child of the one that added
 * its job. BullMQ's internal doings (polling, looking for stalled jobs) leave no spans.
 * @param given.ratio part of the traces that is kept, 0 to 1; a child follows its parent
 */
export function createTracerProvider(
  api: Api,
  given: { ratio: number; random?: () => number; ended: (span: EndedSpan) => void },
): TracerProvider {
  const random = given.random ?? Math.random;
  const { SpanKind, TraceFlags, trace } = api;
  const start = (name: string, options: SpanOptions = {}, context: Context = api.context.active()): Span => {
    const around = trace.getSpanContext(context);
    const active = around !== undefined && api.isSpanContextValid(around) ? around : null;
    const kind = options.kind ?? SpanKind.INTERNAL;
    const beginsTrace = kind === SpanKind.PRODUCER || options.root === true;
    const parent = beginsTrace ? null : active;
    const sampled = parent === null ? random() < given.ratio : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? idOf(16),
      spanId: idOf(8),
      traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    };
    if (!sampled) return trace.wrapSpanContext(spanContext);
    const span = startSpan(
      {
        name,
        kind,
        context: spanContext,
        parentSpanId: parent?.spanId ?? null,
        links: beginsTrace && active !== null ? [active] : [],
        start: typeof options.startTime === "number" ? BigInt(Math.round(options.startTime * 1000)) * 1000n : nowNano(),
      },
      given.ended,
    );
    return options.attributes === undefined ? span : span.setAttributes(options.attributes);
  };
  const tracer: Tracer = {
    startSpan: start,
    startActiveSpan: (name: string, ...rest: unknown[]) => {
      const work = rest.at(-1) as (span: Span) => never;
      const [options, context] = rest.slice(0, -1) as [SpanOptions?, Context?];
      const span = start(name, options, context);
      return api.context.with(trace.setSpan(context ?? api.context.active(), span), work, undefined, span);
    },
  };
  const unsampled = (): Span => trace.wrapSpanContext(api.INVALID_SPAN_CONTEXT);
  const nothing: Tracer = {
    startSpan: unsampled,
    startActiveSpan: (_name: string, ...rest: unknown[]) => (rest.at(-1) as (span: Span) => never)(unsampled()),
  };
  return { getTracer: (name) => (name === TRACER ? tracer : nothing) };
}

/** Random bytes in hexadecimal digits; all zeros would be no id. */
const idOf = (bytes: number): string => {
  const id = randomBytes(bytes);
  if (id.every((byte) => byte === 0)) id[0] = 1;
  return id.toString("hex");
};
