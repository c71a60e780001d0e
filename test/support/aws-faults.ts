import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AwsCall, awsCall } from "./aws-admin.ts";

/**
 * A proxy in front of moto. It adds what AWS documents and moto lacks, and failures; a client chooses a failure by
 * the path of its endpoint URL, for instance `${url}/denied`. Every error text it sends quotes the request's body, so
 * that a store which shows a vendor's text shows a key and is caught.
 */
export type AwsFault =
  | "denied"
  | "expired"
  | "throttled"
  | "unavailable"
  | "silent"
  | "reset"
  | "reply_lost"
  | "reply_lost_once";

type Answer = { status: number; body: Record<string, unknown> };
const error = (status: number, type: string, request: string): Answer => ({
  status,
  body: { __type: type, Message: `refused: ${request}`, message: `refused: ${request}` },
});
const READS = new Set(["DescribeSecret", "GetSecretValue"]);

async function putCurrent(call: AwsCall, body: Record<string, unknown>): Promise<Answer> {
  const { SecretId } = body;
  const put = await call("PutSecretValue", { ...body, VersionStages: ["not-yet-current"] });
  if (put.status !== 200) return put;
  const to = put.body["VersionId"];
  const labels = (await call("DescribeSecret", { SecretId })).body["VersionIdsToStages"] as Record<string, string[]>;
  const from = Object.keys(labels).find((id) => labels[id]?.includes("AWSCURRENT"));
  await call("UpdateSecretVersionStage", {
    SecretId,
    VersionStage: "AWSCURRENT",
    RemoveFromVersionId: from,
    MoveToVersionId: to,
  });
  await call("UpdateSecretVersionStage", { SecretId, VersionStage: "not-yet-current", RemoveFromVersionId: to });
  return put;
}

/** Rules of AWS that moto does not keep; each with its source. */
async function asAws(call: AwsCall, action: string, body: Record<string, unknown>, request: string): Promise<Answer> {
  const { SecretId } = body;
  if (action === "PutSecretValue") {
    const text = String(body["SecretString"]);
    // "SecretString: maximum length of 65536"
    // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    if (Buffer.byteLength(text) > 65_536) return error(400, "ValidationException", request);
    // Same page, ClientRequestToken: an existing version with the same text: "the request is ignored"; with another
    // text: "the request fails because you can't modify an existing secret version".
    const there = await call("GetSecretValue", { SecretId, VersionId: body["ClientRequestToken"] });
    if (there.status === 200) {
      if (there.body["SecretString"] !== text) return error(400, "ResourceExistsException", request);
      return { status: 200, body: { ...there.body, SecretString: undefined } };
    }
    // Same page: "If you don't include VersionStages … AWSCURRENT is moved" to the new version. moto takes it from the
    // version that was current before any UpdateSecretVersionStage, so that two versions have it.
    if (body["VersionStages"] === undefined) return putCurrent(call, body);
  }
  if (action === "UpdateSecretVersionStage" && body["MoveToVersionId"] !== undefined) {
    // "If the staging label is already attached to a different version … you must also specify RemoveFromVersionId",
    // and "If the label is attached to a different version … the operation fails."
    // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    const described = (await call("DescribeSecret", { SecretId })).body["VersionIdsToStages"] as
      | Record<string, string[]>
      | undefined;
    const holder = Object.entries(described ?? {}).find(([, labels]) =>
      labels.includes(String(body["VersionStage"])),
    )?.[0];
    if (holder !== body["MoveToVersionId"] && holder !== body["RemoveFromVersionId"])
      return error(400, "InvalidParameterException", request);
    if (holder === body["MoveToVersionId"]) return { status: 200, body: {} };
  }
  const answer = await call(action, body);
  // Client errors are HTTP 400 in this protocol; moto says 404 for some (facts: test-servers.md).
  return answer.status === 404 ? { ...answer, status: 400 } : answer;
}

export interface AwsFaults {
  /** The endpoint of a client with this fault; without one, AWS as documented. */
  endpoint(fault?: AwsFault): string;
  /** Actions seen, in order; failed attempts included. */
  readonly seen: string[];
  stop(): Promise<void>;
}

export interface AwsWatch {
  /** Instead of asking moto each time. */
  call?: AwsCall;
  /** The fault of one call, whatever the path says. */
  choose?(action: string): AwsFault | undefined;
  /** After a write took effect and before the next call does; `call` goes round the faults. */
  written?(action: string, secret: string, call: AwsCall): Promise<void>;
}

/** @param url of moto */
export async function startAwsFaults(url: string, watch: AwsWatch = {}): Promise<AwsFaults> {
  const call = watch.call ?? awsCall(url);
  const seen: string[] = [];
  const lostOnce = new Set<string>();
  const silent = new Set<ServerResponse>();
  // One at a time: AWS applies each call as a whole, moto's threads do not.
  let line: Promise<unknown> = Promise.resolve();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const action = String(request.headers["x-amz-target"]).replace("secretsmanager.", "");
    const fault = watch.choose?.(action) ?? ((request.url ?? "/").split("/")[1] as AwsFault | "");
    seen.push(action);
    const send = ({ status, body }: Answer) =>
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    if (fault === "silent") return void silent.add(response);
    if (fault === "reset") return void request.socket.destroy();
    if (fault === "denied") return void send(error(400, "AccessDeniedException", text));
    if (fault === "expired") return void send(error(400, "ExpiredTokenException", text));
    if (fault === "throttled") return void send(error(400, "ThrottlingException", text));
    if (fault === "unavailable") return void send(error(503, "ServiceUnavailable", text));
    const turn = line.then(async () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      const answered = await asAws(call, action, body, text);
      if (!READS.has(action) && answered.status === 200)
        await watch.written?.(action, String(body["SecretId"] ?? body["Name"]), call);
      return answered;
    });
    line = turn.catch(() => undefined);
    const answer = await turn;
    const isWrite = !READS.has(action) && answer.status === 200;
    if (fault === "reply_lost" && isWrite) return void send(error(500, "InternalServiceError", text));
    if (fault === "reply_lost_once" && isWrite && !lostOnce.has(text)) {
      lostOnce.add(text);
      return void request.socket.destroy();
    }
    send(answer);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    endpoint: (fault) => `http://127.0.0.1:${address.port}${fault === undefined ? "" : `/${fault}`}`,
    seen,
    async stop() {
      for (const response of silent) response.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
