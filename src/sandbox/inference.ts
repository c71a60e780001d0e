import type { Version } from "./credentials.ts";
import { isoTime, makeId } from "./identifiers.ts";
import type { Entropy } from "./identifiers.ts";
import type { KeyRow } from "./model.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal, integer, isRecord, jsonObject, list, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

type Lifecycle = "active" | "deprecated" | "retired";

const MODELS: readonly { id: string; name: string; line: "haiku" | "sonnet" | "opus"; lifecycle: Lifecycle }[] = [
  { id: "claude-opus-5-5", name: "Claude Opus 5.5", line: "opus", lifecycle: "active" },
  { id: "claude-sonnet-5-5", name: "Claude Sonnet 5.5", line: "sonnet", lifecycle: "active" },
  { id: "claude-haiku-5-5", name: "Claude Haiku 5.5", line: "haiku", lifecycle: "active" },
  { id: "claude-haiku-4-5", name: "Claude Haiku 4.5", line: "haiku", lifecycle: "deprecated" },
  { id: "claude-3-haiku-20240307", name: "Claude Haiku 3", line: "haiku", lifecycle: "retired" },
];

export const showModel = (model: (typeof MODELS)[number]) => ({
  type: "model" as const,
  id: model.id,
  display_name: model.name,
  created_at: "2026-01-01T00:00:00Z",
  deprecated_at: null,
  retires_at: null,
  lifecycle: model.lifecycle,
  line: model.line,
  max_input_tokens: 200_000,
  max_tokens: 64_000,
  capabilities: null,
});

/** `GET /v1/models`: free, leaves no usage. Retired models appear only when asked for. */
export function listModels(call: Call): Reply {
  const limit = integer(call, "limit", { min: 1, max: 1000, byDefault: 20 });
  const asked = list(call, "lifecycle");
  const shown = MODELS.filter((model) =>
    asked.length === 0 ? model.lifecycle !== "retired" : asked.includes(model.lifecycle),
  );
  const after = call.query.get("after_id");
  const start = after === null ? 0 : shown.findIndex((model) => model.id === after) + 1;
  const data = shown.slice(start, start + limit).map(showModel);
  const more = start + limit < shown.length;
  return ok({ data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: more });
}

const SAMPLING = ["temperature", "top_p", "top_k"];

/** Checks shared by messages and count_tokens. Gives the model's id and a rough number of input tokens. */
function prompt(call: Call, version: Version): { body: Record<string, unknown>; model: string; inputTokens: number } {
  const body = jsonObject(call);
  if (typeof body.model !== "string") throw new ApiRefusal(400, "model: field required");
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    throw new ApiRefusal(400, "messages: field required");
  for (const message of body.messages) {
    if (!isRecord(message) || (message.role !== "user" && message.role !== "assistant")) {
      throw new ApiRefusal(400, "messages: every message needs a role of user or assistant");
    }
  }
  if (version === "2026-10-21") {
    for (const field of SAMPLING) {
      if (body[field] !== undefined) throw new ApiRefusal(400, `${field}: is not supported from 2026-10-21 on`);
    }
  }
  if (version === "2026-10-21") requireNewContent(body.messages);
  // Unknown and retired models are the same 404, which says nothing about the key (facts 6).
  const model = MODELS.find((known) => known.id === body.model && known.lifecycle !== "retired");
  if (model === undefined) throw new ApiRefusal(404, "model: was not found");
  return { body, model: model.id, inputTokens: 7 + Math.ceil(JSON.stringify(body.messages).length / 40) };
}

/** What content the new version no longer takes (facts 2). */
function requireNewContent(messages: readonly unknown[]): void {
  for (const message of messages) {
    if (!isRecord(message) || !Array.isArray(message.content)) continue;
    for (const block of message.content as unknown[]) {
      if (!isRecord(block)) continue;
      if (message.role === "assistant" && block.type === "document") {
        throw new ApiRefusal(400, "messages: an assistant message may not contain a document");
      }
      if (message.role === "user" && block.type === "text" && block.citations != null) {
        throw new ApiRefusal(400, "messages: a user's text block may not have citations");
      }
    }
  }
}

/** `POST /v1/messages/count_tokens`: free, leaves no usage. */
export const countTokens = (call: Call, version: Version): Reply =>
  ok({ input_tokens: prompt(call, version).inputTokens });

/** `POST /v1/messages`: the only call that leaves usage. */
export function createMessage(
  call: Call,
  version: Version,
  who: { key: KeyRow; workspaceId: string },
  organization: Organization,
  source: Entropy,
): Reply {
  const { body, model, inputTokens } = prompt(call, version);
  const most = body.max_tokens;
  if (typeof most !== "number" || !Number.isInteger(most) || most < 0) {
    throw new ApiRefusal(400, "max_tokens: must be an integer of at least 0");
  }
  const outputTokens = Math.min(most, 4);
  const at = organization.now();
  organization.commit([
    {
      t: "usage",
      row: { keyId: who.key.id, at, model, workspaceId: who.workspaceId, requests: 1, inputTokens, outputTokens },
    },
  ]);
  const id = makeId("msg", source);
  return ok(showMessage({ id, model, inputTokens, outputTokens, stopped: most <= 4 }), limitHeaders(at));
}

export const showMessage = (made: {
  id: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  /** By max_tokens. */
  stopped: boolean;
}) => ({
  id: made.id,
  type: "message" as const,
  role: "assistant" as const,
  model: made.model,
  content:
    made.outputTokens === 0
      ? []
      : [{ type: "text" as const, text: "Pong".slice(0, made.outputTokens), citations: null }],
  container: null,
  diagnostics: null,
  stop_reason: made.stopped ? ("max_tokens" as const) : ("end_turn" as const),
  stop_sequence: null,
  stop_details: null,
  usage: {
    input_tokens: made.inputTokens,
    output_tokens: made.outputTokens,
    cache_creation: null,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    inference_geo: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: "standard" as const,
    speed: null,
  },
});

function limitHeaders(at: number): Record<string, string> {
  const reset = isoTime(at + 60_000);
  return {
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": reset,
    "anthropic-ratelimit-tokens-limit": "400000",
    "anthropic-ratelimit-tokens-remaining": "399000",
    "anthropic-ratelimit-tokens-reset": reset,
  };
}
