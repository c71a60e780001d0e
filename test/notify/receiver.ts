import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: IncomingHttpHeaders;
  text: string;
  message: {
    id: string;
    type: string;
    at: string;
    code: string | null;
    rotation: { id: string; state: string; needsAttention: { code: string; impact: string; next: string } | null };
  };
}

export interface Receiver {
  url: string;
  /** Every request, also those refused. */
  received: Received[];
  /** What is answered next, one per request, then 204 for ever; `hang`: nothing. */
  answers: (number | "hang" | { status: number; headers: Record<string, string> })[];
  close(): Promise<void>;
}

/** Another program that listens to webhooks. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Receiver["answers"] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString("utf8");
      received.push({ headers: request.headers, text, message: JSON.parse(text) as Received["message"] });
      const answer = answers.shift() ?? 204;
      if (answer === "hang") return;
      const { status, headers } = typeof answer === "number" ? { status: answer, headers: {} } : answer;
      response.writeHead(status, headers).end(status === 204 ? undefined : "x".repeat(100_000));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answers,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The check a receiver makes, written from the Standard Webhooks specification and not from our code. */
export function verifies({ headers, text }: Received, key: Buffer, nowSeconds: number): boolean {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    String(headers[name]),
  );
  if (Math.abs(nowSeconds - Number(timestamp)) > 300) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${text}`).digest();
  return (signatures ?? "").split(" ").some((each) => {
    const [version, value] = each.split(",");
    const given = Buffer.from(value ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
