import { AsyncLocalStorage } from "node:async_hooks";
import type * as otel from "@opentelemetry/api";
import type { Context, ContextManager, TextMapPropagator } from "@opentelemetry/api";

type Api = typeof otel;

/** The context of what runs at the moment, also across `await`. */
export function createContextManager(api: Pick<Api, "ROOT_CONTEXT">): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? api.ROOT_CONTEXT,
    with: (context, work, self, ...args) =>
      storage.run(context, () => work.call(self as ThisParameterType<typeof work>, ...args)),
    bind: (context, target) => {
      if (typeof target !== "function") return target;
      const bound = (...args: unknown[]): unknown =>
        storage.run(context, () => Reflect.apply(target, undefined, args) as unknown);
      return bound as typeof target;
    },
    enable: () => manager,
    disable: () => {
      storage.disable();
      return manager;
    },
  };
  return manager;
}

const PARENT = "traceparent";
const FORMAT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * How a trace goes with a job through Redis: the W3C header `traceparent` and nothing else.
 * @see https://www.w3.org/TR/trace-context/
 */
export function createPropagator({
  trace,
  isSpanContextValid,
}: Pick<Api, "trace" | "isSpanContextValid">): TextMapPropagator {
  return {
    inject: (context, carrier, setter) => {
      const span = trace.getSpanContext(context);
      if (span === undefined || !isSpanContextValid(span)) return;
      const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
      setter.set(carrier, PARENT, `00-${span.traceId}-${span.spanId}-${flags}`);
    },
    extract: (context, carrier, getter) => {
      const value = getter.get(carrier, PARENT);
      const [, traceId, spanId, flags] = FORMAT.exec(typeof value === "string" ? value : "") ?? [];
      if (traceId === undefined || spanId === undefined || flags === undefined) return context;
      const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
      return isSpanContextValid(found) ? trace.setSpanContext(context, found) : context;
    },
    fields: () => [PARENT],
  };
}
