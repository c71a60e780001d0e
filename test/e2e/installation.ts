import { setTimeout as pause } from "node:timers/promises";
import type { RunOnceResult } from "../../src/run-once.ts";
import type { State } from "../../src/rotation/states.ts";
import type { RotationView } from "../../src/rotation/view.ts";
import { type Ran, document, keyturn } from "../support/cli.ts";
import { type Lab, startLab } from "../support/lab.ts";
import type { RedisServer } from "../support/redis-server.ts";

export type Shown = RotationView & {
  message?: string;
  accepted?: boolean;
  alreadyAccepted?: boolean;
  warnings?: string[];
};

/** An installation driven as people and cron jobs do it: by command lines alone. */
export interface Installation extends Lab {
  run(...args: string[]): Promise<Ran>;
  /** Runs with --json; fails the test when the exit code is another. */
  shown(code: number, ...args: string[]): Promise<Shown>;
  runOnce(): Promise<RunOnceResult>;
  /** Runs again and again until the rotation is in that state, or needs that attention. */
  until(rotation: string, wanted: State | `attention:${string}`): Promise<Shown>;
  /** What a person does in the Console, then at the prompt. */
  submitNew(rotation: string, more?: { name?: string; expiresInMs?: number }): Promise<{ id: string; text: string }>;
  submit(rotation: string, text: string, ...more: string[]): Promise<Ran>;
  status(keyId: string): Promise<string>;
  /** Opens, approves, submits and runs until the state. Timers are those of the configuration. */
  bringTo(
    target: string,
    state: State | `attention:${string}`,
  ): Promise<{ rotation: string; replacement: { id: string; text: string } }>;
}

export const POLICY = {
  maxAge: "90d",
  gracePeriod: "1h",
  drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true },
  replacementWithin: "1h",
  approval: { required: true, approvals: 1, expiresAfter: "1h" },
};

export async function install(redis: RedisServer, more: Record<string, unknown> = {}): Promise<Installation> {
  await redis.client.flushall();
  return installAt(redis.url, more);
}

/** @param redisUrl of an empty server, unless `more` names another Redis */
export async function installAt(redisUrl: string, more: Record<string, unknown> = {}): Promise<Installation> {
  process.env["KEYTURN_LOG_LEVEL"] ??= "silent";
  const lab = await startLab(redisUrl, { policy: POLICY, ...more });
  const run = (...args: string[]) => keyturn([...args, "--config", lab.configFile]);
  const shown = async (code: number, ...args: string[]): Promise<Shown> => {
    const ran = await run(...args, "--json");
    if (ran.code !== code)
      throw new Error(`keyturn ${args.join(" ")}: exit ${ran.code}, not ${code}: ${ran.stdout}${ran.stderr}`);
    return document(ran) as Shown;
  };
  const runOnce = async () => (await shown(0, "run-once")) as unknown as RunOnceResult;
  const is = (view: Shown, wanted: string) =>
    view.state === wanted || `attention:${view.needsAttention?.code}` === wanted;
  const submit = (rotation: string, text: string, ...more: string[]) =>
    keyturn(["submit", rotation, ...more, "--config", lab.configFile, "--json"], `${text}\n`);
  const until: Installation["until"] = async (rotation, wanted) => {
    for (const end = Date.now() + 30_000; ; await pause(50)) {
      const view = await shown(0, "show", rotation);
      if (is(view, wanted)) return view;
      if (Date.now() > end)
        throw new Error(`${rotation} is ${view.state}, ${JSON.stringify(view.needsAttention)}, not ${wanted}`);
      await runOnce();
    }
  };
  const submitNew: Installation["submitNew"] = async (rotation, given = {}) => {
    const made = await lab.console.createKey({ name: `replacement of ${rotation}`, ...given });
    const ran = await submit(rotation, made.secret);
    if (ran.code !== 0) throw new Error(`submit: exit ${ran.code}: ${ran.stdout}`);
    return { id: made.key.id, text: made.secret };
  };
  return {
    ...lab,
    run,
    shown,
    runOnce,
    until,
    submit,
    submitNew,
    status: async (keyId) => (await lab.console.history(keyId)).key.status,
    bringTo: async (target, state) => {
      const { id } = await shown(0, "rotate", target);
      await shown(0, "approve", id);
      const replacement = await submitNew(id);
      await until(id, state);
      return { rotation: id, replacement };
    },
  };
}
