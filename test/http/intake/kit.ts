import type { Deps } from "../../../src/app/deps.ts";
import { issueLink } from "../../../src/app/intake/links.ts";
import { type IntakeOptions, intakeRoutes } from "../../../src/http/intake/routes.ts";
import { type HttpServer, type Route, startHttpServer } from "../../../src/http/server.ts";
import type { IntakeLink } from "../../../src/ports/intake-links.ts";
import type { Trace } from "../../canary/search.ts";
import type { Drive } from "../../support/drive.ts";

export const PUBLIC_URL = "https://keyturn.example.com";
export const BEN: IntakeLink["person"] = {
  name: "slack:U0BEN",
  via: "slack",
  identities: ["slack:U0BEN", "mail:ben@example.com"],
};
/** What a browser says of a request that our own page makes. */
export const FROM_US = { origin: PUBLIC_URL, "sec-fetch-site": "same-origin" };

export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  /** The answer as the page reads it. */
  says: Record<string, unknown> & { state?: string; say?: string; next?: string };
}
export interface Visit {
  server: HttpServer;
  /** Every answer so far, whole. */
  traces: Trace[];
  get(path: string, init?: RequestInit): Promise<Asked>;
  post(path: string, body: RequestInit["body"], headers: Record<string, string>): Promise<Asked>;
  look(token: string, headers?: Record<string, string>): Promise<Asked>;
  hand(token: string, key: string | Uint8Array, options?: object, headers?: Record<string, string>): Promise<Asked>;
  close(): Promise<void>;
}

/** The real server with the page's routes, and somebody with a browser in front of it. */
export async function visit(
  deps: Deps,
  { routes: given, ...more }: Partial<IntakeOptions> & { routes?: Route[] } = {},
): Promise<Visit> {
  deps.settings.publicUrl = PUBLIC_URL;
  const { log } = deps;
  const routes = given ?? intakeRoutes({ deps, publicUrl: PUBLIC_URL, sessionOf: null, log, ...more });
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, routes, log });
  const traces: Trace[] = [];
  const get = async (path: string, init: RequestInit = {}): Promise<Asked> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { redirect: "error", ...init });
    const text = await response.text();
    const whole = `${JSON.stringify([...response.headers])}\n${text}`;
    traces.push({ where: `answer to ${init.method ?? "GET"} ${path.split("?")[0]}`, bytes: Buffer.from(whole) });
    const isJson = response.headers.get("content-type") === "application/json" && text !== "";
    return {
      status: response.status,
      headers: response.headers,
      text,
      says: isJson ? (JSON.parse(text) as Asked["says"]) : {},
    };
  };
  const post: Visit["post"] = (path, body, headers) => get(path, { method: "POST", body: body ?? null, headers });
  return {
    server,
    traces,
    get,
    post,
    look: (token, headers = FROM_US) =>
      post("/intake/look", JSON.stringify({ token }), { "content-type": "application/json", ...headers }),
    hand: (token, key, options = {}, headers = FROM_US) =>
      post("/intake", framed(token, key, options), { "content-type": "application/octet-stream", ...headers }),
    close: () => server.close(100),
  };
}

/** The body of a submission: see framed-body.ts. */
export const framed = (token: string, key: string | Uint8Array, options: object = {}): Blob =>
  new Blob([`${JSON.stringify({ token, ...options })}\n`, typeof key === "string" ? key : new Uint8Array(key)]);

/** A rotation that waits for a key, and a link for Ben. */
export async function waiting(d: Drive, person = BEN): Promise<{ id: string; token: string }> {
  d.deps.settings.publicUrl = PUBLIC_URL;
  const { id } = await d.to("awaiting_replacement");
  return { id, token: await linkFor(d.deps, id, person) };
}

export async function linkFor(deps: Deps, id: string, person = BEN): Promise<string> {
  const { url } = await issueLink(deps, id, person, "slack:U0ANA");
  return new URL(url).hash.slice(1);
}
