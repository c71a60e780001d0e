import type { ServerResponse } from "node:http";
import { authenticates, identify, requireInference } from "./credentials.ts";
import type { Credential } from "./credentials.ts";
import { alter, foreignReply, refusal, twistOf } from "./fault-effects.ts";
import type { Fault } from "./fault-schema.ts";
import type { FaultRules, TakenFault } from "./faults.ts";
import { isoTime, makeId } from "./identifiers.ts";
import type { Entropy } from "./identifiers.ts";
import type { Organization } from "./organization.ts";
import type { LogEntry, RequestLog } from "./request-log.ts";
import { carryOut } from "./routes.ts";
import { drop, send } from "./send.ts";
import { ApiRefusal, isRecord } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

export interface World {
  organization: Organization;
  faults: FaultRules;
  log: RequestLog;
  source: Entropy;
  realNow: () => number;
}

/** Answers one request to the simulated API, faults included. The log line is written before the answer. */
export async function answer(call: Call, response: ServerResponse, world: World): Promise<void> {
  const { organization } = world;
  const credential = identify(call, organization);
  const requestId = makeId("req", world.source);
  const taken = world.faults.take({ method: call.method, path: call.path, keyIds: keyIdsOf(call, credential) });
  const faults = taken.map((one) => one.fault);
  const has = (kind: Fault["kind"]): boolean => faults.some((fault) => fault.kind === kind);
  const note = (rest: Pick<LogEntry, "status" | "outcome" | "applied">): void =>
    world.log.add({ ...describe(call, credential, world, requestId), faults: taken.map((one) => one.id), ...rest });

  await waiting(taken, "before");
  if (has("hang")) return note({ status: null, outcome: "hung", applied: false });
  if (has("reset")) {
    note({ status: null, outcome: "dropped", applied: false });
    return drop(response);
  }
  const { reply, applied } = decide(call, credential, world, faults, requestId);
  if (has("success_then_hang")) return note({ status: null, outcome: "hung", applied });
  if (has("success_then_timeout")) {
    note({ status: null, outcome: "dropped", applied });
    return drop(response);
  }
  const cut = faults.find((fault) => fault.kind === "truncated")?.framing ?? null;
  note({ status: reply.status, outcome: cut === null ? "answered" : "cut", applied });
  await waiting(taken, "after");
  send(response, reply, cut);
}

/** Delays and gates on this side of the effect, one after the other. */
async function waiting(taken: readonly TakenFault[], when: "before" | "after"): Promise<void> {
  for (const { fault, gone } of taken) {
    if (fault.kind === "delay" && fault.when === when) {
      await new Promise<void>((resolve) => void setTimeout(resolve, fault.ms).unref());
    }
    if (fault.kind === "gate" && fault.when === when) await gone;
  }
}

function decide(
  call: Call,
  credential: Credential,
  world: World,
  faults: readonly Fault[],
  requestId: string,
): { reply: Reply; applied: boolean } {
  const { organization, source } = world;
  for (const fault of faults) {
    const foreign = foreignReply(fault);
    if (foreign !== null) return { reply: foreign, applied: false };
  }
  const refused = faults
    .map((fault) => refusal(fault, authenticates(credential, organization)))
    .find((found) => found !== null);
  // Told before the effect: whether this request authenticated does not depend on what it does.
  const common = headersOf(call, credential, organization, requestId, refused?.status === 401);
  let reply: Reply;
  let applied = false;
  try {
    if (refused !== undefined) throw refused;
    reply = carryOut({ call, organization, credential, source, twist: twistOf(faults) });
    applied = true;
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    reply = error.reply(requestId);
  }
  reply = { ...reply, headers: { ...common, ...reply.headers } };
  for (const fault of faults) reply = alter(reply, fault);
  return { reply, applied };
}

/** `Date`, `request-id`, and what is only known once authentication succeeded (facts 5). */
function headersOf(
  call: Call,
  credential: Credential,
  organization: Organization,
  requestId: string,
  refused: boolean,
) {
  const headers: Record<string, string> = { "request-id": requestId };
  const { dateHeader } = organization.settings;
  if (dateHeader !== "absent") headers.date = new Date(organization.now() + dateHeader).toUTCString();
  if (refused || !authenticates(credential, organization)) return headers;
  headers["anthropic-organization-id"] = organization.self.id;
  if (call.path.startsWith("/v1/organizations")) return headers;
  try {
    headers["anthropic-workspace-id"] = requireInference(call, credential, organization).workspaceId;
  } catch {
    // No workspace could be told: the header stays away.
  }
  return headers;
}

function keyIdsOf(call: Call, credential: Credential): string[] {
  const named = /\/api_keys\/([^/]+)$/.exec(call.path)?.[1];
  return [...(credential.kind === "key" ? [credential.row.id] : []), ...(named === undefined ? [] : [named])];
}

function describe(call: Call, credential: Credential, world: World, requestId: string) {
  const body = isRecord(call.body) ? call.body : {};
  const version = call.headers["anthropic-version"];
  return {
    at: isoTime(world.organization.now()),
    realAt: isoTime(world.realNow()),
    method: call.method,
    path: call.path,
    query: call.query.toString(),
    bodyStatus: typeof body.status === "string" ? body.status : null,
    bodyName: typeof body.name === "string" ? body.name : null,
    credential: credential.kind,
    keyId: credential.kind === "key" || credential.kind === "admin" ? credential.row.id : null,
    version: typeof version === "string" ? version : null,
    requestId,
  };
}
