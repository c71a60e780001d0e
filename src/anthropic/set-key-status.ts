import type { AdminKey, Answer } from "../ports/key-admin.ts";
import type { Instant } from "../rotation/record.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { type ClientDeps, signed, tellBudget } from "./admin-client.ts";
import { codeOf, describeReply, KEY_LIMIT_CODES } from "./envelope.ts";
import { type Reply, sendOnce } from "./http.ts";
import { parseKey } from "./key-schema.ts";
import { reportedRetryAfter } from "./retry.ts";

const UNKNOWN_OUTCOME = "The change may have been made";

/**
 * See `KeyAdmin.setKeyStatus`. One POST, never repeated: neither the Admin API nor we can tell a stale repeat from a
 * wish (R9). The clock is read right before sending, and the attempt ends at `notAfter` at the latest, so that a slow
 * connection does not deliver it later. It never waits for the shared budget: that would be between the last look and the
 * call; who calls has taken it before (`payForCall`).
 */
export async function setKeyStatus(
  deps: ClientDeps,
  keyId: string,
  status: "active" | "inactive" | "archived",
  limits: { timeoutMs: number; notAfter: Instant },
): Promise<Answer<AdminKey>> {
  const path = `/v1/organizations/api_keys/${keyId}`;
  const request = signed(deps, { method: "POST", path, body: { status } }, {});
  const timeLeftMs = limits.notAfter - deps.clock.now();
  if (!(timeLeftMs > 0)) throw new KeyturnError("LOCK_HELD", "The time for this call is over; nothing was sent.");
  const attempt = { timeoutMs: Math.min(limits.timeoutMs, timeLeftMs), maxBytes: deps.limits.maxBytes };
  const reply = await sendOnce(deps.fetch, deps.baseUrl, request, attempt, deps);
  tellBudget(deps, reply);
  if (reply.kind === "silence")
    throw new KeyturnError("ADMIN_UNAVAILABLE", `POST ${path}: ${reply.why}. ${UNKNOWN_OUTCOME}.`);
  if (reply.status < 200 || reply.status >= 300) throw refusal(path, reply, deps.clock.now());
  const key = reply.unreadable ?? parseKey(reply.json);
  if (typeof key === "string")
    throw new KeyturnError(
      "ADMIN_UNAVAILABLE",
      `POST ${path} answered ${reply.status} with ${key}. ${UNKNOWN_OUTCOME}.`,
    );
  if (key.id !== keyId)
    throw new KeyturnError("ADMIN_UNAVAILABLE", `POST ${path} answered with another key. ${UNKNOWN_OUTCOME}.`);
  return { value: key, serverTime: reply.serverTime };
}

function refusal(path: string, reply: Reply, now: Instant): KeyturnError {
  const detail = `POST ${path} ${describeReply(reply)}.`;
  const { status } = reply;
  if (status === 400 && KEY_LIMIT_CODES.has(codeOf(reply))) return new KeyturnError("KEY_LIMIT", detail);
  if (status === 401 || status === 403) return new KeyturnError("ADMIN_DENIED", detail);
  if (status >= 400 && status < 500 && ![408, 409, 429].includes(status))
    return new KeyturnError("ADMIN_REFUSED", detail);
  const retryAfterMs = reportedRetryAfter(reply, now);
  return new KeyturnError("ADMIN_UNAVAILABLE", status >= 500 ? `${detail} ${UNKNOWN_OUTCOME}.` : detail, {
    retryAfterMs,
  });
}
