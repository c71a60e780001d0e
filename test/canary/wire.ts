import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** One request and its answer, as they stood on the wire. */
export interface Exchange {
  method: string;
  /** With its query. */
  path: string;
  headers: readonly string[];
  body: Buffer;
  status: number;
  answerHeaders: readonly string[];
  answer: Buffer;
}

export interface Wire {
  url: string;
  exchanges: Exchange[];
  /** The next so many requests to such a path are answered 500, with everything that was sent quoted: a careless server. */
  echo(path: RegExp, times: number): void;
  /** Where requests are passed on to; null: they are answered 204 here. */
  to: string | null;
  close(): Promise<void>;
}

/** A server on loopback that keeps every byte that passes. */
export async function startWire(): Promise<Wire> {
  const echoes: RegExp[] = [];
  const wire: Wire = {
    url: "",
    exchanges: [],
    to: null,
    echo: (path, times) => void echoes.push(...Array.from({ length: times }, () => path)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, wire, echoes).catch(() => outgoing.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  wire.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return wire;
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse, wire: Wire, echoes: RegExp[]): Promise<void> {
  const { method = "", url: path = "", rawHeaders: headers } = incoming;
  const body = await whole(incoming);
  const echoed = echoes.findIndex((each) => each.test(path));
  let [status, answerHeaders, answer]: [number, readonly string[], Buffer] = [204, [], Buffer.alloc(0)];
  if (echoed >= 0) {
    echoes.splice(echoed, 1);
    [status, answer] = [500, Buffer.from(`failed: ${method} ${path}\n${headers.join("\n")}\n${body.toString("utf8")}`)];
  } else if (wire.to !== null) {
    const passed = request(`${wire.to}${path}`, { method, headers: forwarded(headers) });
    passed.end(body);
    const [response] = (await once(passed, "response")) as [IncomingMessage];
    [status, answerHeaders, answer] = [response.statusCode ?? 0, response.rawHeaders, await whole(response)];
  }
  wire.exchanges.push({ method, path, headers, body, status, answerHeaders, answer });
  outgoing.writeHead(status, forwarded(answerHeaders)).end(answer);
}

/** Of each connection its own. */
const HOP = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

function forwarded(raw: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    if (!HOP.has(name)) (headers[name] ??= []).push(raw[at + 1] ?? "");
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}

async function whole(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
