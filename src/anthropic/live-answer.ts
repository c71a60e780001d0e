import type { LiveAnswer } from "../ports/key-admin.ts";
import { codeOf, isObject, messageMatches, SPEND_LIMIT_CODES, typeOf } from "./envelope.ts";
import type { Reply, Silence } from "./http.ts";
import { reportedRetryAfter } from "./retry.ts";
import { safeId, safeRequestId } from "./safe-text.ts";

/** Real logs show this on a 400 where the documentation says 402; no type or code tells it (facts: anthropic-api.md 6). */
const CANNOT_PAY = /credit balance|usage limit|spend(ing)? limit/i;

/** What `GET /v1/models` says of the key. */
export function modelsAnswer(answer: Reply | Silence, now: number): LiveAnswer {
  if (answer.kind === "reply" && answer.status === 200) {
    const isList = isObject(answer.json) && Array.isArray(answer.json["data"]);
    return isList ? ok(answer, 0) : doubt("not_the_api", answer, now);
  }
  // A scanner's source says that dead keys may get a 404 here, so it proves nothing (facts: anthropic-api.md 6).
  if (answer.kind === "reply" && typeOf(answer) === "not_found_error") return doubt("not_found", answer, now);
  return otherAnswer(answer, now);
}

/** What `POST /v1/messages` says of the key. */
export function inferenceAnswer(answer: Reply | Silence, now: number): LiveAnswer {
  if (answer.kind === "reply" && answer.status === 200) {
    const isMessage = isObject(answer.json) && answer.json["type"] === "message" && isObject(answer.json["usage"]);
    return isMessage ? ok(answer, tokensOf(answer)) : doubt("not_the_api", answer, now);
  }
  if (answer.kind === "reply" && answer.status === 404 && typeOf(answer) === "not_found_error") {
    // The organization is told once authentication has finished; a 404 without it may come from a dead key.
    return doubt("model_not_found", answer, now, { authenticated: ownerOf(answer).organizationId !== null });
  }
  return otherAnswer(answer, now);
}

/**
 * Everything but a 200 and a 404. Only the API's own 401 rejects a key and only its own 403 forbids it: in any other
 * form they come from something in between, and doubt is not failure (P12).
 */
function otherAnswer(answer: Reply | Silence, now: number): LiveAnswer {
  if (answer.kind === "silence") return doubt(answer.timeout ? "timeout" : "network", null, now);
  const type = typeOf(answer);
  if (answer.status >= 500) return doubt(`status_${answer.status}`, answer, now);
  if (type === null) return doubt("not_the_api", answer, now);
  switch (answer.status) {
    case 401:
      return type === "authentication_error" ? { verdict: "rejected", status: 401 } : doubt("not_the_api", answer, now);
    case 403:
      return type === "permission_error"
        ? { verdict: "not_permitted", status: 403 }
        : doubt("not_the_api", answer, now);
    case 400:
      return badRequest(answer, now);
    case 402:
      return doubt("billing", answer, now, { authenticated: true });
    case 429: {
      const code = codeOf(answer);
      return doubt(SPEND_LIMIT_CODES.has(code) && code !== null ? code : "rate_limited", answer, now, {
        authenticated: true,
      });
    }
    default:
      return doubt(`status_${answer.status}`, answer, now);
  }
}

function badRequest(answer: Reply, now: number): LiveAnswer {
  const authenticated = { authenticated: true };
  if (codeOf(answer) === "organization_on_hold") return doubt("organization_on_hold", answer, now, authenticated);
  if (messageMatches(answer, /anthropic-workspace-id/i))
    return doubt("workspace_header_missing", answer, now, authenticated);
  if (SPEND_LIMIT_CODES.has(codeOf(answer)) || messageMatches(answer, CANNOT_PAY))
    return doubt("billing", answer, now, authenticated);
  return doubt("bad_request", answer, now);
}

function ok(reply: Reply, tokens: number): LiveAnswer {
  return { verdict: "ok", ...ownerOf(reply), requestId: safeRequestId(reply.headers.get("request-id")), tokens };
}

function doubt(
  cause: string,
  reply: Reply | Silence | null,
  now: number,
  more: { authenticated: boolean } = { authenticated: false },
): LiveAnswer {
  const answered = reply !== null && reply.kind === "reply" ? reply : null;
  return {
    verdict: "inconclusive",
    cause,
    authenticated: more.authenticated,
    ...(answered === null ? { organizationId: null, workspaceId: null } : ownerOf(answered)),
    retryAfterMs: answered === null ? null : reportedRetryAfter(answered, now),
  };
}

function ownerOf(reply: Reply): { organizationId: string | null; workspaceId: string | null } {
  return {
    organizationId: safeId(reply.headers.get("anthropic-organization-id")),
    workspaceId: safeId(reply.headers.get("anthropic-workspace-id")),
  };
}

/** All kinds of tokens of one message; what cannot be read counts as none. */
function tokensOf(reply: Reply): number {
  const usage = isObject(reply.json) ? reply.json["usage"] : null;
  if (!isObject(usage)) return 0;
  const kinds = ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
  return kinds.reduce((sum, kind) => sum + (typeof usage[kind] === "number" ? usage[kind] : 0), 0);
}
