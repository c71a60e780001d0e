import { readFileSync } from "node:fs";
import { get } from "node:http";
import { parse } from "yaml";

/*
 * The HEALTHCHECK of a container image, for Docker and Compose; Kubernetes asks /livez itself. Exit 0: `serve` answers, 1: it
 * does not. A program of its own, since an image has neither a shell nor curl, and with as little as possible: it starts every
 * 30 seconds. So it reads two lines of the configuration and leaves the checking to `serve`.
 */

export interface Health {
  ok: boolean;
  /** Never quotes the configuration but its address. */
  said: string;
}

/** Less than the `--timeout` in the Dockerfile, so that the answer is a sentence. */
const TIMEOUT_MS = 3000;
const EVERYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Where `serve` answers, from the text of its configuration; null when that cannot be told. */
export function livezOf(text: string): string | null {
  let http: { host?: string; port?: number } | undefined;
  try {
    http = (parse(text) as { http?: typeof http } | null)?.http;
  } catch {
    return null;
  }
  // The defaults of config/schema.ts; port 0 is any port.
  const { host = "127.0.0.1", port = 8080 } = http ?? {};
  if (port === 0) return null;
  const address = EVERYWHERE[host] ?? host;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/livez`;
}

/** Asks `serve` of this container whether it is alive. Never throws. @param file the configuration that `serve` was given */
export async function checkHealth(file: string): Promise<Health> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return { ok: false, said: `${file} cannot be read; KEYTURN_CONFIG has to name the configuration` };
  }
  const url = livezOf(text);
  if (url === null) return { ok: false, said: `http.port cannot be told from ${file}; give it a number other than 0` };
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      response.resume();
      resolve({ ok: response.statusCode === 200, said: `${url} answers ${response.statusCode}` });
    });
    request.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, said: `${url} does not answer (${error.code ?? error.name})` }),
    );
  });
}

if (import.meta.main) {
  const { ok, said } = await checkHealth(process.env["KEYTURN_CONFIG"] || "config/keyturn.yaml");
  process.stdout.write(`${ok ? "healthy" : "unhealthy"}: ${said}\n`);
  process.exitCode = ok ? 0 : 1;
}
