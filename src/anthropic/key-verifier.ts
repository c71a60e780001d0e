import type { Clock } from "../ports/clock.ts";
import type { KeyVerifier, LiveAnswer } from "../ports/key-admin.ts";
import type { SecretText } from "../rotation/secret.ts";
import { API_VERSION } from "./admin-client.ts";
import { requireBaseUrl } from "./base-url.ts";
import { type HttpRequest, type Reply, sendOnce, type Silence } from "./http.ts";
import { isSendable, refuseWiped } from "./key-text.ts";
import { inferenceAnswer, modelsAnswer } from "./live-answer.ts";
import { isTransient, type RetryLimits, withRetries } from "./retry.ts";
import type { OnRequest } from "./operation.ts";
import { safeId } from "./safe-text.ts";

export interface VerifierLimits extends RetryLimits {
  attemptMs: number;
  maxBytes: number;
}

/** Short: whoever asks is in a state that asks again. */
const LIMITS: VerifierLimits = {
  tries: 2,
  deadlineMs: 40_000,
  attemptMs: 20_000,
  backoffMs: 500,
  backoffCapMs: 2_000,
  retryAfterCapMs: 5_000,
  maxBytes: 1024 * 1024,
};

export interface KeyVerifierOptions {
  baseUrl: string;
  /** For `infer`. A retired model answers 404 and says nothing about the key. */
  model: string;
  clock: Clock;
  fetch?: typeof fetch;
  random?: () => number;
  limits?: Partial<VerifierLimits>;
  /** Told of every request that was sent. */
  onRequest?: OnRequest;
}

/** Live calls with a key. @throws CONFIG_INVALID for an address no key may be sent to */
export function createKeyVerifier(options: KeyVerifierOptions): KeyVerifier {
  const baseUrl = requireBaseUrl(options.baseUrl);
  const limits = { ...LIMITS, ...options.limits };
  const use = { clock: options.clock, random: options.random ?? Math.random };
  const fetchFn = options.fetch ?? fetch;

  async function call(
    key: SecretText,
    workspaceId: string | null,
    request: Omit<HttpRequest, "headers">,
    mayRepeat: (answer: Reply | Silence) => boolean,
    read: (answer: Reply | Silence, now: number) => LiveAnswer,
  ): Promise<LiveAnswer> {
    const sendable = key.use((text) => {
      refuseWiped(text);
      return isSendable(text);
    });
    // Such a text is no key; and fetch would quote it in its error (facts: security.md 8).
    if (!sendable) return { verdict: "rejected", status: 401 };
    const workspace = workspaceId === null ? null : safeId(workspaceId);
    const send = (timeLeftMs: number) => {
      const attempt = { timeoutMs: Math.max(1, Math.min(limits.attemptMs, timeLeftMs)), maxBytes: limits.maxBytes };
      const common = {
        "anthropic-version": API_VERSION,
        ...(workspace === null ? {} : { "anthropic-workspace-id": workspace }),
      };
      return key.use((text) =>
        sendOnce(fetchFn, baseUrl, { ...request, headers: { ...common, "x-api-key": text } }, attempt, options),
      );
    };
    const { answer } = await withRetries(send, limits, { ...use, mayRepeat });
    return read(answer, options.clock.now());
  }

  return {
    authenticate: (key, { workspaceId }) =>
      call(key, workspaceId, { method: "GET", path: "/v1/models", query: [["limit", "1"]] }, isTransient, modelsAnswer),
    infer: (key, { workspaceId }) => {
      const body = { model: options.model, max_tokens: 1, messages: [{ role: "user", content: "ping" }] };
      // After silence the first message may have been billed, and nobody would know of that use (R13): not repeated.
      const answered = (answer: Reply | Silence) => answer.kind === "reply" && isTransient(answer);
      return call(key, workspaceId, { method: "POST", path: "/v1/messages", body }, answered, inferenceAnswer);
    },
  };
}
