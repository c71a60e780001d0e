import type { HttpRequest, Reply, Silence } from "./http.ts";

/** One request as metrics count it: closed lists, never an id. */
export interface RequestTold {
  operation: string;
  /** The status, `timeout` or `network`. */
  code: string;
}
/** Told once per request that was sent, whatever came back, with how long it took. Must not throw. */
export type OnRequest = (told: RequestTold, seconds: number) => void;

/** From the address, in order; the first that fits counts. */
const OPERATIONS: readonly (readonly [RegExp, string])[] = [
  [/^GET \/v1\/organizations\/me$/, "organization"],
  [/^GET \/v1\/organizations\/api_keys$/, "list_keys"],
  [/^GET \/v1\/organizations\/api_keys\//, "get_key"],
  [/^POST \/v1\/organizations\/api_keys\//, "set_key_status"],
  [/^GET \/v1\/organizations\/users\//, "get_user"],
  [/^GET \/v1\/organizations\/(usage|analytics)/, "usage"],
  [/^GET \/v1\/models$/, "list_models"],
  [/^POST \/v1\/messages$/, "create_message"],
];

export function toldOf({ method, path }: HttpRequest, answer: Reply | Silence): RequestTold {
  const address = `${method} ${path}`;
  return {
    operation: OPERATIONS.find(([pattern]) => pattern.test(address))?.[1] ?? "other",
    code: answer.kind === "reply" ? String(answer.status) : answer.timeout ? "timeout" : "network",
  };
}
