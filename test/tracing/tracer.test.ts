import * as api from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContextManager, createPropagator } from "../../src/tracing/context.ts";
import type { EndedSpan } from "../../src/tracing/span.ts";
import { TRACER, createTracerProvider } from "../../src/tracing/tracer.ts";

const { SpanKind, context, propagation, trace } = api;
let ended: EndedSpan[];
const tracing = (ratio = 1, random?: () => number) => {
  const provider = createTracerProvider(api, {
    ratio,
    ended: (span) => ended.push(span),
    ...(random ? { random } : {}),
  });
  return provider.getTracer(TRACER);
};
beforeEach(() => {
  ended = [];
  context.setGlobalContextManager(createContextManager(api));
  propagation.setGlobalPropagator(createPropagator(api));
});
afterEach(() => {
  context.disable();
  propagation.disable();
});
const inside = <T>(span: api.Span, work: () => T): T => context.with(trace.setSpan(context.active(), span), work);

describe("spans", () => {
  it("one begun within another is its child, also after waiting", async () => {
    const tracer = tracing();
    const outer = tracer.startSpan("outer");
    await inside(outer, async () => {
      await Promise.resolve();
      tracer.startSpan("inner").end();
    });
    outer.end();
    expect(ended.map((s) => [s.name, s.context.traceId, s.parentSpanId])).toEqual([
      ["inner", outer.spanContext().traceId, outer.spanContext().spanId],
      ["outer", outer.spanContext().traceId, null],
    ]);
  });

  it("what adds a job begins a trace of its own, linked to the step that added it: no trace lasts for days", () => {
    const tracer = tracing();
    const step = tracer.startSpan("step");
    inside(step, () => tracer.startSpan("add wake", { kind: SpanKind.PRODUCER }).end());
    const [added] = ended;
    expect(added?.context.traceId).not.toBe(step.spanContext().traceId);
    expect(added?.parentSpanId).toBeNull();
    expect(added?.links).toEqual([step.spanContext()]);
  });

  it("a trace goes through `traceparent`, and nothing else goes with it", () => {
    const tracer = tracing();
    const added = tracer.startSpan("add", { kind: SpanKind.PRODUCER });
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), added), carrier);
    const { traceId, spanId } = added.spanContext();
    expect(carrier).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
    tracer.startSpan("process", { kind: SpanKind.CONSUMER }, propagation.extract(context.active(), carrier)).end();
    expect(ended[0]).toMatchObject({ context: { traceId }, parentSpanId: spanId });
  });

  it.each(["", "00-zz", `00-${"0".repeat(32)}-${"0".repeat(16)}-01`, "ff".repeat(40)])(
    "a `traceparent` that is none (%j) begins a new trace",
    (traceparent) => {
      tracing().startSpan("process", {}, propagation.extract(context.active(), { traceparent })).end();
      expect(ended[0]?.parentSpanId).toBeNull();
    },
  );

  it("a trace that is not kept is not kept on the other side either", () => {
    const tracer = tracing(0.5, () => 0.7);
    const added = tracer.startSpan("add", { kind: SpanKind.PRODUCER });
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), added), carrier);
    added.end();
    tracer.startSpan("process", {}, propagation.extract(context.active(), carrier)).end();
    expect([carrier["traceparent"]?.slice(-2), ended]).toEqual(["00", []]);
  });

  it("a library that traces by itself gets no spans", () => {
    const provider = createTracerProvider(api, { ratio: 1, ended: (span) => ended.push(span) });
    provider.getTracer("google-gax").startSpan("AccessSecretVersion").end();
    expect(provider.getTracer("google-gax").startActiveSpan("call", (span) => span.isRecording())).toBe(false);
    expect(ended).toEqual([]);
  });
});
