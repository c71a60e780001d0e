import type { Value } from "./attributes.ts";
import type { EndedSpan } from "./span.ts";

/**
 * Spans as OTLP's JSON has them: ids in hexadecimal digits, 64-bit numbers as texts.
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function toOtlp(
  spans: readonly EndedSpan[],
  resource: Readonly<Record<string, string>>,
  version: string,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "keyturn", version }, spans: spans.map(spanOf) }],
      },
    ],
  });
}

const spanOf = (span: EndedSpan) => ({
  traceId: span.context.traceId,
  spanId: span.context.spanId,
  ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  // The API counts from 0 (internal), the protocol from 1.
  kind: span.kind + 1,
  startTimeUnixNano: String(span.start),
  endTimeUnixNano: String(span.end),
  attributes: attributesOf(span.attributes),
  links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
  status: span.failed ? { code: 2 } : {},
});

const attributesOf = (attributes: Readonly<Record<string, Value>>) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));

function valueOf(value: Value) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
