import { type IncomingHttpHeaders, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

type Value = { stringValue?: string; intValue?: string; boolValue?: boolean; doubleValue?: number };
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Value }[];
  links: { traceId: string; spanId: string }[];
  status: { code?: number };
}
interface Batch {
  resourceSpans: {
    resource: { attributes: { key: string; value: Value }[] };
    scopeSpans: { spans: ReceivedSpan[] }[];
  }[];
}

/** An OTLP receiver over HTTP with JSON, which keeps everything it is sent. */
export interface Collector {
  url: string;
  bodies: string[];
  headers: IncomingHttpHeaders[];
  spans(): ReceivedSpan[];
  resource(): Record<string, unknown>;
  /** How it answers from now on; `hang`: never. */
  answer: number | "hang";
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (collector.answer === "hang") return;
      if (request.method === "POST" && request.url === "/v1/traces" && collector.answer === 200) {
        bodies.push(body);
        headers.push(request.headers);
      }
      response.writeHead(request.url === "/v1/traces" ? collector.answer : 404, { "content-type": "application/json" });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const batches = () => bodies.map((body) => JSON.parse(body) as Batch).flatMap((batch) => batch.resourceSpans);
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    headers,
    spans: () => batches().flatMap((each) => each.scopeSpans.flatMap((scope) => scope.spans)),
    resource: () => said(batches()[0]?.resource.attributes ?? []),
    answer: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return collector;
}

/** Attributes as a plain object. */
export const said = (attributes: readonly { key: string; value: Value }[]): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  );
