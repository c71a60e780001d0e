import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { eventually } from "../support/quiet-log.ts";

/** What Slack's side of Socket Mode does: `apps.connections.open`, hello, envelopes, disconnect (RFC 6455 by hand). */
export interface SocketServer {
  /** For `slackApiUrl`. */
  apiUrl: string;
  /** Connections that said hello so far. */
  greeted(): number;
  /** Connections that are open now. */
  open(): number;
  /** Answers of `apps.connections.open`, by the error or null for ok; the last stays. */
  opening: (string | null)[];
  /** Authorization headers of `apps.connections.open`. */
  tokens: string[];
  acks: Map<string, unknown>;
  /** Sends an envelope to the newest connection; resolves with its acknowledgement's payload. */
  send(type: "interactive" | "slash_commands", payload: object): Promise<unknown>;
  /** As Slack does every few hours. */
  disconnect(): void;
  close(): Promise<void>;
}

export async function socketServer(): Promise<SocketServer> {
  const sockets: Socket[] = [];
  const acks = new Map<string, unknown>();
  const opening: (string | null)[] = [null];
  const tokens: string[] = [];
  let greeted = 0;
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization ?? "");
    const error = opening.length > 1 ? opening.shift() : opening[0];
    const { port } = server.address() as AddressInfo;
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify(
        typeof error === "string" ? { ok: false, error } : { ok: true, url: `ws://127.0.0.1:${port}/link` },
      ),
    );
  });
  server.on("upgrade", (request, socket: Socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => onFrames(socket, bytes, acks));
    socket.write(frame(1, JSON.stringify({ type: "hello", num_connections: sockets.length })));
    greeted++;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    greeted: () => greeted,
    open: () => sockets.filter((each) => !each.destroyed && !each.writableEnded && !each.readableEnded).length,
    opening,
    tokens,
    acks,
    send: async (type, payload) => {
      const envelope_id = randomUUID();
      sockets.at(-1)?.write(frame(1, JSON.stringify({ type, envelope_id, accepts_response_payload: true, payload })));
      await eventually(() => acks.has(envelope_id));
      return acks.get(envelope_id);
    },
    disconnect: () => void sockets.at(-1)?.write(frame(1, JSON.stringify({ type: "disconnect", reason: "refresh" }))),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A whole message, unmasked, as servers send. @param opcode 1 text, 8 close, 10 pong */
function frame(opcode: number, text: string | Buffer): Buffer {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x80 | opcode, body.length]) : Buffer.from([0x80 | opcode, 126, 0, 0]);
  if (body.length >= 126) head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** Clients mask what they send; short messages come whole. */
function onFrames(socket: Socket, bytes: Buffer, acks: Map<string, unknown>): void {
  let at = 0;
  while (at + 6 <= bytes.length) {
    const opcode = (bytes[at] ?? 0) & 0x0f;
    let length = (bytes[at + 1] ?? 0) & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    }
    const mask = bytes.subarray(start, start + 4);
    const body = Buffer.from(bytes.subarray(start + 4, start + 4 + length));
    for (let i = 0; i < body.length; i++) body[i] = (body[i] ?? 0) ^ (mask[i % 4] ?? 0);
    at = start + 4 + length;
    if (opcode === 8) socket.end(frame(8, body));
    else if (opcode === 9) socket.write(frame(10, body));
    else if (opcode === 1) {
      const message = JSON.parse(body.toString()) as { envelope_id?: string; payload?: unknown };
      if (message.envelope_id !== undefined) acks.set(message.envelope_id, message.payload);
    }
  }
}
