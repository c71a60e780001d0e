import type * as OpenidClient from "openid-client";
import type { Issuer, LoginAnswer } from "../ports/issuer.ts";
import type { Log } from "../ports/notifier.ts";
import type { LoginChecks } from "../ports/sessions.ts";
import type { SecretText } from "../rotation/secret.ts";
import { type Claims, actorFrom } from "./claims.ts";
import { refusalOf } from "./refusal.ts";

export interface IssuerOptions {
  /** https, or http on this machine. */
  issuer: string;
  clientId: string;
  /** Read at each use, so that a replaced one is picked up; null: a public client, which has PKCE alone. */
  clientSecret: (() => SecretText) | null;
  scopes: readonly string[];
  redirectUri: string;
  log: Log;
  /** For each request to the issuer, in seconds. */
  timeoutS?: number;
}

const TIMEOUT_S = 10;

/**
 * Signs people in with the authorization code flow, PKCE, state and nonce; the issuer's metadata is read when first needed
 * and again after a failure. Tokens live no longer than `finish` and are kept nowhere.
 */
export function createIssuer(options: IssuerOptions): Issuer {
  const { log } = options;
  let known: Promise<OpenidClient.ServerMetadata> | null = null;

  const open = async () => {
    const client = await import("openid-client");
    known ??= discover(client, options);
    const metadata = await known.catch((error: unknown) => {
      known = null;
      throw error;
    });
    return { client, config: configure(client, metadata, options) };
  };

  const tell = (step: string, error: unknown): Extract<LoginAnswer, { ok: false }> => {
    const refusal = refusalOf(error);
    log.warn({ event: "sign_in.failed", step, why: refusal.why, code: refusal.code }, "a sign-in did not succeed");
    return refusal;
  };

  return {
    begin: async () => {
      try {
        const { client, config } = await open();
        const verifier = client.randomPKCECodeVerifier();
        const checks = { state: client.randomState(), nonce: client.randomNonce(), verifier };
        const url = client.buildAuthorizationUrl(config, {
          redirect_uri: options.redirectUri,
          scope: options.scopes.join(" "),
          state: checks.state,
          nonce: checks.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        });
        return { url: url.href, checks };
      } catch (error) {
        tell("begin", error);
        return null;
      }
    },
    finish: async (query, checks) => {
      try {
        const { client, config } = await open();
        return { ok: true, actor: actorFrom(await redeem(client, config, `${options.redirectUri}?${query}`, checks)) };
      } catch (error) {
        return tell("finish", error);
      }
    },
  };
}

async function discover(client: typeof OpenidClient, options: IssuerOptions): Promise<OpenidClient.ServerMetadata> {
  const { issuer, clientId, timeoutS } = options;
  const found = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
    timeout: timeoutS ?? TIMEOUT_S,
    execute: allowHttpHere(client, issuer),
  });
  // Without the helper functions beside it, which a new configuration does not take.
  const { supportsPKCE: _, ...metadata } = found.serverMetadata();
  return metadata;
}

type Extension = (config: OpenidClient.Configuration) => void;

/** The configuration lets http through only for this machine, where the demo and the tests have their issuer. */
function allowHttpHere(client: typeof OpenidClient, issuer: string): Extension[] {
  // Deprecated to make it stand out, not to be removed; discovery looks for this very function.
  // oxlint-disable-next-line typescript/no-deprecated
  return issuer.startsWith("http:") ? [client.allowInsecureRequests] : [];
}

function configure(
  client: typeof OpenidClient,
  metadata: OpenidClient.ServerMetadata,
  options: IssuerOptions,
): OpenidClient.Configuration {
  const config = new client.Configuration(
    metadata,
    options.clientId,
    undefined,
    authentication(client, metadata, options),
  );
  config.timeout = options.timeoutS ?? TIMEOUT_S;
  // The signature is checked although TLS would do: a proxy that ends TLS then cannot make people up.
  client.enableNonRepudiationChecks(config);
  for (const allow of allowHttpHere(client, options.issuer)) allow(config);
  return config;
}

/** Basic, which every issuer must support, unless this one says that it takes the secret only in the body. */
function authentication(
  client: typeof OpenidClient,
  metadata: OpenidClient.ServerMetadata,
  { clientSecret }: IssuerOptions,
): OpenidClient.ClientAuth {
  if (clientSecret === null) return client.None();
  const methods = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const how = methods.includes("client_secret_basic") ? client.ClientSecretBasic : client.ClientSecretPost;
  return clientSecret().use((text) => how(text));
}

/** The claims of the signed token, and what the issuer tells only at its user info endpoint. */
async function redeem(
  client: typeof OpenidClient,
  config: OpenidClient.Configuration,
  url: string,
  checks: LoginChecks,
): Promise<Claims> {
  const tokens = await client.authorizationCodeGrant(config, new URL(url), {
    pkceCodeVerifier: checks.verifier,
    expectedState: checks.state,
    expectedNonce: checks.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error("no claims");
  if (config.serverMetadata().userinfo_endpoint === undefined) return claims;
  // Not passed over when it fails: without the address, four eyes would take one person for two.
  const more = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  return { ...more, ...claims };
}
