import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { KeyturnError } from "../../rotation/errors.ts";
import { awsCode, fromAwsError } from "./errors.ts";
import type { AwsSecretsManagerOptions } from "./options.ts";

/** All in milliseconds; the SDK has no limit by default and would wait for a silent server for ever (facts: stack.md 8). */
export interface Limits {
  connectMs: number;
  requestMs: number;
  /** For one call with all its attempts. */
  callMs: number;
}
export const LIMITS: Limits = { connectMs: 3_000, requestMs: 5_000, callMs: 15_000 };

/** @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html */
const MAX_BYTES = 65_536;

/** What DescribeSecret says, as far as we use it. */
export interface Description {
  /** Which version has which staging labels; versions without one may be left out. */
  labels: Map<string, string[]>;
  tags: Record<string, string>;
  /** Somebody else rotates it: a function, or the service that owns the secret. */
  rotatedBy: string | null;
}
export interface Version {
  id: string;
  document: string;
  writtenAt: number | null;
}
/** `stale`: the label was not where `from` said, so nothing was moved. */
export type Moved = "moved" | "stale";

/** The calls we make, with time limits, and errors that are ours. Every call may be repeated. */
export class SecretsApi {
  readonly #client: SecretsManagerClient;
  readonly #limits: Limits;

  constructor(options: AwsSecretsManagerOptions, limits: Limits) {
    this.#limits = limits;
    this.#client = new SecretsManagerClient({
      region: options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      maxAttempts: 3,
      requestHandler: {
        connectionTimeout: limits.connectMs,
        requestTimeout: limits.requestMs,
        throwOnRequestTimeout: true,
      },
    });
  }

  /** null when the secret does not exist. */
  async describe(secret: string): Promise<Description | null> {
    const out = await this.#orNull(secret, (abortSignal) =>
      this.#client.send(new DescribeSecretCommand({ SecretId: secret }), { abortSignal }),
    );
    if (out === null) return null;
    if (out.DeletedDate !== undefined)
      throw new KeyturnError("STORE_CONFLICT", `${show(secret)} is scheduled for deletion.`);
    return {
      labels: new Map(Object.entries(out.VersionIdsToStages ?? {})),
      tags: Object.fromEntries((out.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])),
      rotatedBy:
        out.OwningService ?? (out.RotationEnabled === true || out.RotationLambdaARN ? "a rotation function" : null),
    };
  }

  /** One version by id or label; null when there is no such secret or version. @throws STORE_CONFLICT for binary */
  async get(secret: string, which: { id: string } | { label: string }): Promise<Version | null> {
    const by = "id" in which ? { VersionId: which.id } : { VersionStage: which.label };
    const out = await this.#orNull(secret, (abortSignal) =>
      this.#client.send(new GetSecretValueCommand({ SecretId: secret, ...by }), { abortSignal }),
    );
    if (out === null) return null;
    if (out.SecretString === undefined || out.VersionId === undefined) {
      throw new KeyturnError("STORE_CONFLICT", `${show(secret)} holds binary data, not text.`);
    }
    return { id: out.VersionId, document: out.SecretString, writtenAt: out.CreatedDate?.getTime() ?? null };
  }

  /**
   * Adds a version under `token`, which becomes its id. Always with labels: without, AWS would make it current at
   * once. The same token with the same text does nothing, and does not move labels either.
   * @throws STORE_CONFLICT when the token is taken by another text, or the text is over 64 KiB
   */
  async put(secret: string, token: string, document: string, labels: [string, ...string[]]): Promise<void> {
    if (Buffer.byteLength(document) > MAX_BYTES)
      throw new KeyturnError("STORE_CONFLICT", `${show(secret)} would be larger than 64 KiB.`);
    await this.#call(secret, (abortSignal) =>
      this.#client.send(
        new PutSecretValueCommand({
          SecretId: secret,
          ClientRequestToken: token,
          SecretString: document,
          VersionStages: labels,
        }),
        { abortSignal },
      ),
    );
  }

  /** Moves, adds or removes a label; AWS refuses when it is not on `from`, which makes this a compare-and-set. */
  async moveLabel(secret: string, label: string, move: { from?: string; to?: string }): Promise<Moved> {
    try {
      await this.#limited((abortSignal) =>
        this.#client.send(
          new UpdateSecretVersionStageCommand({
            SecretId: secret,
            VersionStage: label,
            ...(move.from === undefined ? {} : { RemoveFromVersionId: move.from }),
            ...(move.to === undefined ? {} : { MoveToVersionId: move.to }),
          }),
          { abortSignal },
        ),
      );
      return "moved";
    } catch (error) {
      if (awsCode(error) === "InvalidParameterException") return "stale";
      throw fromAwsError(error, show(secret));
    }
  }

  async tag(secret: string, tags: Record<string, string>): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    if (Tags.length === 0) return;
    await this.#call(secret, (abortSignal) =>
      this.#client.send(new TagResourceCommand({ SecretId: secret, Tags }), { abortSignal }),
    );
  }

  async untag(secret: string, TagKeys: string[]): Promise<void> {
    if (TagKeys.length === 0) return;
    await this.#call(secret, (abortSignal) =>
      this.#client.send(new UntagResourceCommand({ SecretId: secret, TagKeys }), { abortSignal }),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  #limited<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return send(AbortSignal.timeout(this.#limits.callMs));
  }
  async #call<T>(secret: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.#limited(send);
    } catch (error) {
      throw fromAwsError(error, show(secret));
    }
  }
  async #orNull<T>(secret: string, send: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    try {
      return await this.#limited(send);
    } catch (error) {
      if (awsCode(error) === "ResourceNotFoundException") return null;
      throw fromAwsError(error, show(secret));
    }
  }
}

export const show = (secret: string): string => JSON.stringify(secret);
