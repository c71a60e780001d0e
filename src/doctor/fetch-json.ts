const TIMEOUT_MS = 5000;
const MAX_BYTES = 16 * 1024;

/** Asks an address once; redirects are not followed and only the code of an error is repeated. Never throws. */
export async function fetchJson(
  url: string,
): Promise<{ status: number; json: unknown } | { status: null; why: string }> {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const length = Number(response.headers.get("content-length") ?? 0);
    const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
    if (!isJson || length > MAX_BYTES) {
      await response.body?.cancel();
      return { status: response.status, json: null };
    }
    const json: unknown = await response.json().catch(() => null);
    return { status: response.status, json };
  } catch (error) {
    if (error instanceof DOMException) return { status: null, why: `no answer within ${TIMEOUT_MS / 1000} s` };
    const cause = error instanceof Error ? error.cause : null;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    return { status: null, why: /^[A-Z0-9_]{2,60}$/.test(code) ? code : "the connection failed" };
  }
}
