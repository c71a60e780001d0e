import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HttpServer, startHttpServer } from "../../../src/http/server.ts";
import type { Sessions } from "../../../src/ports/sessions.ts";
import { openDashboard } from "../../../src/pages.ts";
import type { Drive } from "../../support/drive.ts";

/** A browser as far as our pages need one: it keeps cookies, sends the headers of a form, follows nothing by itself. */
export interface Visitor {
  cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<Page>;
  /** Sends a form as our own page would; `headers` replace what a browser sends. */
  post(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Page>;
  /** Opens a page and sends the form on it that goes to this address, with every field that it has. */
  submit(page: string, action: string, fields?: Record<string, string>): Promise<Page>;
}
export interface Page {
  status: number;
  text: string;
  headers: Headers;
  /** Where it leads, without the host. */
  location: string | null;
}

export interface Site {
  server: HttpServer;
  url: string;
  token: string;
  visitor(): Visitor;
  /** Signed in with the static token. */
  owner(): Promise<Visitor>;
  close(): Promise<void>;
}

/** The dashboard of a driven installation on a real server, with a static token and, when asked, an issuer. */
export async function aSite(
  d: Drive,
  given: {
    oidc?: Record<string, unknown>;
    signIn?: Record<string, unknown>;
    port?: number;
    sessions?: (real: Sessions) => Sessions;
  } = {},
): Promise<Site> {
  const token = randomBytes(24).toString("hex");
  const file = join(d.lab.dir, "sign-in-token");
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  const port = given.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const oidc = given.oidc === undefined ? {} : { oidc: given.oidc };
  await d.lab.configure({ http: { publicUrl: url }, signIn: { token: `file:${file}`, ...oidc, ...given.signIn } });
  d.deps = await d.again();
  const { loaded, sessions } = await d.lab.app();
  const { routes } = openDashboard({
    deps: d.deps,
    loaded,
    sessions: given.sessions?.(sessions) ?? sessions,
    log: d.log,
  });
  const server = await startHttpServer({ host: "127.0.0.1", port, routes, log: d.log });
  const site: Site = {
    server,
    url,
    token,
    visitor: () => aVisitor(url),
    owner: async () => {
      const visitor = aVisitor(url);
      await visitor.post("/sign-in", { token });
      return visitor;
    },
    close: () => server.close(100),
  };
  return site;
}

export async function freePort(): Promise<number> {
  const { port, close } = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    routes: [],
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await close(0);
  return port;
}

export function aVisitor(url: string): Visitor {
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit): Promise<Page> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(cookie === "" ? {} : { cookie }), ...(init.headers as Record<string, string>) };
    const response = await fetch(`${url}${path}`, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const [name = "", value = ""] = pair.split("=");
      if (/Max-Age=0(;|$)/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get("location");
    return { status: response.status, text: await response.text(), headers: response.headers, location };
  };
  const visitor: Visitor = {
    cookies,
    get: (path, headers = {}) => send(path, { headers: { "sec-fetch-site": "none", ...headers } }),
    post: (path, fields, headers = {}) =>
      send(path, {
        method: "POST",
        body: new URLSearchParams(fields).toString(),
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          origin: url,
          "sec-fetch-site": "same-origin",
          ...headers,
        },
      }),
    submit: async (page, action, fields = {}) => {
      const { text } = await visitor.get(page);
      const found = formsOf(text).find((form) => form.action === action);
      if (found === undefined) throw new Error(`${page} has no form to ${action}`);
      return visitor.post(action, { ...found.fields, ...fields });
    },
  };
  return visitor;
}

/** The forms of a page with their hidden fields; attributes may stand on several lines. */
export function formsOf(text: string): { action: string; fields: Record<string, string> }[] {
  return [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = "", body = ""]) => ({
    action: decoded(attribute(attributes, "action")),
    fields: Object.fromEntries(
      [...body.matchAll(/<input\b([^>]*)>/g)]
        .filter(([, each = ""]) => attribute(each, "type") === "hidden")
        .map(([, each = ""]) => [attribute(each, "name"), decoded(attribute(each, "value"))]),
    ),
  }));
}

const attribute = (text: string, name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
const decoded = (text: string): string =>
  text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

/** What a person reads: without tags and the white space between them. */
export const wordsOf = (text: string): string =>
  decoded(text.replaceAll(/<[^>]*>/g, " "))
    .replaceAll(/\s+/g, " ")
    .trim();
