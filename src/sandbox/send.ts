import type { ServerResponse } from "node:http";
import type { Reply } from "./wire.ts";

/** Sends an answer. `cut` breaks its body off: in a response of matching length, or in one that promised more. */
export function send(response: ServerResponse, reply: Reply, cut: "complete" | "broken" | null): void {
  if (response.destroyed) return;
  const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
  const whole = Buffer.from(text, "utf8");
  const part = cut === null ? whole : whole.subarray(0, Math.floor(whole.length / 2));
  // The `Date` header is simulated, or absent on purpose.
  response.sendDate = false;
  response.writeHead(reply.status, {
    "content-type": "application/json",
    ...reply.headers,
    "content-length": cut === "broken" ? whole.length : part.length,
  });
  if (cut === "broken") response.write(part, () => response.socket?.destroy());
  else response.end(part);
}

/** Breaks the connection off without an answer. */
export function drop(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
