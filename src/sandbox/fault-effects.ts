import type { ListTwist } from "./api-keys.ts";
import type { Fault } from "./fault-schema.ts";
import { ApiRefusal, isRecord } from "./wire.ts";
import type { Reply } from "./wire.ts";

/** The refusal a fault stands for, before anything is done; null when the request is to be carried out. */
export function refusal(fault: Fault, authenticates: boolean): ApiRefusal | null {
  switch (fault.kind) {
    case "status":
      if (fault.body !== undefined) return null;
      return new ApiRefusal(fault.status, fault.message ?? "Injected by a fault rule.", {
        ...(fault.type === undefined ? {} : { type: fault.type }),
        errorCode: fault.errorCode ?? null,
        headers: fault.headers ?? {},
      });
    case "rate_limit":
      if (!authenticates) return null;
      return new ApiRefusal(429, "This request would exceed a limit.", {
        errorCode: fault.errorCode ?? null,
        headers: fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) },
      });
    case "overloaded":
      return new ApiRefusal(529, "Overloaded");
    case "no_credit":
      return authenticates ? new ApiRefusal(fault.as, "Your credit balance is too low to access the API.") : null;
    default:
      return null;
  }
}

/** An answer that does not come from the API at all. */
export function foreignReply(fault: Fault): Reply | null {
  if (fault.kind === "status" && fault.body !== undefined) {
    return { status: fault.status, headers: fault.headers ?? {}, body: fault.body };
  }
  if (fault.kind !== "html") return null;
  const body = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Proxy sign-in</h1></body></html>";
  return { status: fault.status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

export const twistOf = (faults: readonly Fault[]): ListTwist => ({
  overlap: faults.some((fault) => fault.kind === "duplicate_ids"),
  repeat: faults.some((fault) => fault.kind === "repeated_page"),
});

/** Alters an answer: headers always, the body only where there is a JSON object. */
export function alter(reply: Reply, fault: Fault): Reply {
  if (fault.kind === "headers") {
    const kept = Object.entries({ ...reply.headers, ...fault.headers }).filter(([, value]) => value !== null);
    return { ...reply, headers: Object.fromEntries(kept) as Record<string, string> };
  }
  if (!isRecord(reply.body)) return reply;
  const { body } = reply;
  switch (fault.kind) {
    case "repeated_page":
      return { ...reply, body: { ...body, has_more: true } };
    case "null_hints":
      return { ...reply, body: onKeys(body, fault.keyIds, { partial_key_hint: null }) };
    case "hint_collision":
      return { ...reply, body: onKeys(body, fault.keyIds, { partial_key_hint: fault.hint }) };
    case "unknown_status":
      return { ...reply, body: onKeys(body, fault.keyIds, { status: fault.status }) };
    case "missing_field":
      return { ...reply, body: at(body, fault.field.split("."), undefined) };
    case "set_field":
      return { ...reply, body: at(body, fault.field.split("."), fault.value) };
    default:
      return reply;
  }
}

/** Changes the keys of a list, or the one key that the body is; other objects are left alone. */
function onKeys(body: unknown, keyIds: readonly string[] | undefined, change: Record<string, unknown>): unknown {
  if (!isRecord(body)) return body;
  if (Array.isArray(body.data)) return { ...body, data: body.data.map((row) => onKeys(row, keyIds, change)) };
  const chosen = body.type === "api_key" && (keyIds === undefined || keyIds.includes(String(body.id)));
  return chosen ? { ...body, ...change } : body;
}

/** Sets the field at a dotted path, in every element where a list is on the way; undefined removes it. */
function at(value: unknown, path: readonly string[], to: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => at(one, path, to));
  const [name, ...rest] = path;
  if (!isRecord(value) || name === undefined) return value;
  return { ...value, [name]: rest.length === 0 ? to : at(value[name], rest, to) };
}
