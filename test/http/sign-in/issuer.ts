import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Visitor } from "../dashboard/support.ts";

/** What we use of oidc-provider, which brings no types. */
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<{ prompt: { name: string } }>;
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: unknown): Promise<void>;
  Grant: new (given: { accountId: string; clientId: string }) => {
    addOIDCScope(scope: string): void;
    save(): Promise<unknown>;
  };
}
type ProviderClass = new (issuer: string, configuration: unknown) => Provider;

/** A real OpenID Connect issuer on this machine, where people sign in by being named. */
export interface TestIssuer {
  url: string;
  client: { issuer: string; clientId: string };
  secret: string;
  /** Who is signed in next; null: the person refuses. */
  account: string | null;
  /** Claims by account. */
  people: Record<string, Record<string, unknown>>;
  /** Spoils the signature of every token it gives. */
  forging: boolean;
  close(): Promise<void>;
}

const SECRET = "a client secret of this test, long enough";
const SCOPE = "openid email profile groups";

/** It says at length that its defaults are for tests, which is what they are used for here. */
function hush(): () => void {
  const { warn, info } = console;
  const unless = (say: typeof warn) => (text: unknown) => {
    if (!String(text).startsWith("oidc-provider")) say(text);
  };
  Object.assign(console, { warn: unless(warn), info: unless(info) });
  return () => Object.assign(console, { warn, info });
}

/** @param host by another name of this machine a browser takes it for another site */
export async function startIssuer(
  redirectUri: string,
  host: "127.0.0.1" | "localhost" = "127.0.0.1",
): Promise<TestIssuer> {
  const speakAgain = hush();
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    url,
    client: { issuer: url, clientId: "keyturn" },
    secret: SECRET,
    account: "ana",
    people: {},
    forging: false,
    close: async () => {
      speakAgain();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const provider = await aProvider(issuer, redirectUri);
  const callback = provider.callback();
  handle = (request, response) => {
    if (request.url?.startsWith("/interaction/") === true) void interact(provider, issuer, request, response);
    else {
      if (issuer.forging && request.url === "/token") spoilSignature(response);
      callback(request, response);
    }
  };
  return issuer;
}

async function aProvider(issuer: TestIssuer, redirectUri: string): Promise<Provider> {
  const name: string = "oidc-provider";
  const { default: Class } = (await import(name)) as { default: ProviderClass };
  const provider: Provider = new Class(issuer.url, {
    clients: [
      {
        client_id: "keyturn",
        client_secret: SECRET,
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code"],
      },
    ],
    scopes: SCOPE.split(" "),
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    cookies: { keys: ["a key of this test"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    findAccount: (_ctx: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, ...issuer.people[accountId] }),
    }),
    loadExistingGrant: async (ctx: { oidc: { session: { accountId: string }; client: { clientId: string } } }) => {
      const grant = new provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope(SCOPE);
      await grant.save();
      return grant;
    },
  });
  return provider;
}

async function interact(provider: Provider, issuer: TestIssuer, request: IncomingMessage, response: ServerResponse) {
  await provider.interactionDetails(request, response);
  const result =
    issuer.account === null
      ? { error: "access_denied", error_description: "<b>no</b>" }
      : { login: { accountId: issuer.account } };
  await provider.interactionFinished(request, response, result);
}

/** Another last character of the signature: same length, other bytes. */
function spoilSignature(response: ServerResponse): void {
  const end = response.end.bind(response) as (body?: unknown) => ServerResponse;
  response.end = ((body?: unknown) => {
    const text = body instanceof Uint8Array ? Buffer.from(body).toString() : body;
    if (typeof text !== "string") return end(body);
    return end(
      text.replace(
        /("id_token":"[^"]*\.)([^".]{4})([^".]*")/,
        (_all, head: string, four: string, tail: string) => head + (four === "AAAA" ? "BBBB" : "AAAA") + tail,
      ),
    );
  }) as ServerResponse["end"];
}

/**
 * The way of a browser from the sign-in link over the issuer back to us; `change` is what an attacker does to an address
 * on the way. @returns the path of the callback with its query
 */
export async function walk(
  visitor: Visitor,
  change: { toIssuer?: (url: URL) => void; back?: (url: URL) => void } = {},
  start = "/auth/start",
): Promise<string> {
  const begun = await visitor.get(start);
  const first = new URL(begun.location ?? "");
  change.toIssuer?.(first);
  const cookies = new Map<string, string>();
  let at = first;
  for (let hops = 0; hops < 10; hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const location = response.headers.get("location");
    if (location === null) throw new Error(`the issuer answers ${response.status}: ${await response.text()}`);
    at = new URL(location, at);
    if (at.pathname === "/auth/callback") break;
  }
  change.back?.(at);
  return at.pathname + at.search;
}
