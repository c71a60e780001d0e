export interface PageKind {
  /** The configured address of our pages; https turns on what only makes sense there. */
  publicUrl: string | null;
  /** Whether the page runs our own script files. */
  script?: boolean;
  /** Whether the page may send forms to ourselves (without script). */
  forms?: boolean;
}

/**
 * The headers of every page and file that a browser gets (facts: security.md section 3). Nothing from elsewhere, nothing
 * inline, no framing, nothing kept in a cache, no address passed on, no DOM sink that takes text for code.
 */
export function pageHeaders({ publicUrl, script = true, forms = false }: PageKind): Record<string, string> {
  const https = publicUrl !== null && publicUrl.startsWith("https://");
  const policy = [
    "default-src 'none'",
    `script-src ${script ? "'self'" : "'none'"}`,
    "style-src 'self'",
    `connect-src ${script ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    `form-action ${forms ? "'self'" : "'none'"}`,
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
    // On plain http (a demo on localhost) some browsers would look for our own files on https and find nothing.
    ...(https ? ["upgrade-insecure-requests"] : []),
  ];
  return {
    "content-security-policy": policy.join("; "),
    "cache-control": "no-store",
    // A form sent under `no-referrer` says `Origin: null`, even to ourselves; this one tells no other site anything either.
    "referrer-policy": forms ? "same-origin" : "no-referrer",
    ...(https ? { "strict-transport-security": "max-age=63072000; includeSubDomains" } : {}),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), clipboard-read=()",
    "x-robots-tag": "noindex, nofollow",
  };
}

/** Whether a request that changes something comes from our own page, or why not. */
export type FromUs = "ours" | "elsewhere" | "unsaid";

/**
 * Compares `Origin` exactly with our address, and `Sec-Fetch-Site` where the browser sends it (facts: security.md section
 * 3). A page of another site cannot forge either; a program can, and then needs what the page needs: a token or a session.
 * @param given header values as Node has them
 */
export function comesFrom(
  publicUrl: string,
  given: { origin?: string | undefined; "sec-fetch-site"?: string | string[] | undefined },
): FromUs {
  const site = given["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return "elsewhere";
  if (given.origin === undefined) return "unsaid";
  return given.origin === new URL(publicUrl).origin ? "ours" : "elsewhere";
}
