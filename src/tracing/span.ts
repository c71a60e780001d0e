import type { Span, SpanContext, SpanKind } from "@opentelemetry/api";
import { type Value, allowed, codeOf } from "./attributes.ts";

/** A span that ended, as it is sent. */
export interface EndedSpan {
  name: string;
  kind: SpanKind;
  context: SpanContext;
  parentSpanId: string | null;
  links: readonly SpanContext[];
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  attributes: Readonly<Record<string, Value>>;
  failed: boolean;
}

/** Nanoseconds since 1970, by a clock that never goes back within this process. */
export const nowNano = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;

/**
 * A span that keeps what is on the list and nothing else: this is the one place where something gets into a trace. Events
 * are dropped, an exception leaves its code, a status its outcome without the message.
 */
export function startSpan(
  begun: Pick<EndedSpan, "name" | "kind" | "context" | "parentSpanId" | "links" | "start">,
  ended: (span: EndedSpan) => void,
): Span {
  const attributes: Record<string, Value> = {};
  let name = begun.name;
  let failed = false;
  let open = true;
  const set = (key: string, value: unknown) => {
    const kept = allowed(key, value);
    if (open && kept !== null) attributes[key] = kept;
  };
  const span: Span = {
    spanContext: () => begun.context,
    setAttribute: (key, value) => {
      set(key, value);
      return span;
    },
    setAttributes: (values) => {
      for (const [key, value] of Object.entries(values)) set(key, value);
      return span;
    },
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    // 2 is ERROR.
    setStatus: ({ code }) => {
      failed = Number(code) === 2;
      return span;
    },
    updateName: (to) => {
      name = to;
      return span;
    },
    isRecording: () => open,
    recordException: (error) => {
      failed = true;
      set("error.type", codeOf(error));
    },
    end: () => {
      if (!open) return;
      open = false;
      ended({ ...begun, name, attributes, failed, end: nowNano() });
    },
  };
  return span;
}
