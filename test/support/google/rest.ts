import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { CODE, type Method, type Request, type SecretManager, StatusError } from "./secret-manager.ts";

/** The HTTP bindings of service.proto that gcloud uses, on the same state as the gRPC server. */
const ROUTES: [verb: string, path: RegExp, method: Method][] = [
  ["POST", /^\/v1\/(projects\/[^/]+)\/secrets$/, "createSecret"],
  ["GET", /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+)$/, "getSecret"],
  ["PATCH", /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+)$/, "updateSecret"],
  ["POST", /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+):addVersion$/, "addSecretVersion"],
  ["GET", /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+)\/versions$/, "listSecretVersions"],
  ["GET", /^\/v1\/(.+\/versions\/[^/:]+)$/, "getSecretVersion"],
  ["GET", /^\/v1\/(.+\/versions\/[^/:]+):access$/, "accessSecretVersion"],
  ["POST", /^\/v1\/(.+\/versions\/[^/:]+):disable$/, "disableSecretVersion"],
  ["POST", /^\/v1\/(.+\/versions\/[^/:]+):enable$/, "enableSecretVersion"],
  ["POST", /^\/v1\/(.+\/versions\/[^/:]+):destroy$/, "destroySecretVersion"],
];

/** google.rpc.Code to HTTP. @see https://cloud.google.com/apis/design/errors#handling_errors */
const HTTP = new Map<number, number>([
  [CODE.INVALID_ARGUMENT, 400],
  [CODE.FAILED_PRECONDITION, 400],
  [CODE.NOT_FOUND, 404],
  [CODE.ALREADY_EXISTS, 409],
]);
const NAME = new Map<number, string>(Object.entries(CODE).map(([name, code]) => [code, name]));

/** Serves `state` as REST on a free loopback port, for clients that know no gRPC. */
export async function serveGoogleRest(state: SecretManager): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const [status, json] = call(state, request.method ?? "", new URL(request.url ?? "/", "http://localhost"), body);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
      return null;
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => void server.close() };
}

function call(state: SecretManager, verb: string, url: URL, body: Record<string, unknown>): [number, object] {
  for (const [wanted, path, method] of ROUTES) {
    const name = path.exec(decodeURIComponent(url.pathname))?.[1];
    if (verb !== wanted || name === undefined) continue;
    try {
      return [200, toJson(state[method](requestOf(method, name, url.searchParams, body)))];
    } catch (error) {
      const code = error instanceof StatusError ? error.code : 13;
      const status = HTTP.get(code) ?? 500;
      return [status, { error: { code: status, message: String(error), status: NAME.get(code) ?? "INTERNAL" } }];
    }
  }
  return [404, { error: { code: 404, message: "no such method", status: "NOT_FOUND" } }];
}

function requestOf(method: Method, name: string, query: URLSearchParams, body: Record<string, unknown>): Request {
  const request: Request = { name, parent: name, ...body };
  if (method === "createSecret") return { ...request, secretId: query.get("secretId") ?? "", secret: body };
  if (method === "updateSecret") {
    const secret = { ...body, name } as NonNullable<Request["secret"]>;
    return { secret, updateMask: { paths: (query.get("updateMask") ?? "").split(",") } };
  }
  if (method !== "addSecretVersion") return request;
  const payload = body["payload"] as { data: string; dataCrc32c?: string };
  return { ...request, payload: { ...payload, data: Buffer.from(payload.data, "base64") } };
}

/** The JSON form of the proto: bytes are base64, times RFC 3339; what is not part of a resource is left out. */
function toJson(value: object): object {
  const text = JSON.stringify(value, function replace(this: Record<string, unknown>, key, part: unknown) {
    const raw = this[key];
    if (Buffer.isBuffer(raw)) return "state" in this ? undefined : raw.toString("base64");
    if (key === "createTime") return new Date((raw as { seconds: number }).seconds * 1000).toISOString();
    if (key === "versions" && "annotations" in this) return undefined;
    return part;
  });
  return JSON.parse(text) as object;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
