import { request } from "node:http";
import { text } from "node:stream/consumers";

/** One scrape, with what it took. */
export async function metricsOf(port: number): Promise<{ text: string; ms: number }> {
  const started = performance.now();
  const body = await new Promise<string>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path: "/metrics", agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    sent.on("error", reject);
    sent.end();
  });
  return { text: body, ms: performance.now() - started };
}
