import { memoryDirectory, slackActor } from "./doubles/memory-directory.ts";
import { access, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createKeyAdmin } from "../../src/anthropic/key-admin.ts";
import { createKeyVerifier } from "../../src/anthropic/key-verifier.ts";
import { advance } from "../../src/app/advance.ts";
import { approve } from "../../src/app/approve.ts";
import { type Decider } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { type SubmitOptions, submit } from "../../src/app/intake/submit.ts";
import { rotate } from "../../src/app/rotate.ts";
import type { NewKey, SandboxClient } from "../../src/sandbox/client.ts";
import type { CreateKeyInput, SeedKeyInput } from "../../src/sandbox/inputs.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { SecretStore, Stores } from "../../src/ports/secret-store.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { type State, isFinal } from "../../src/rotation/states.ts";
import { type Lab, startLab } from "./lab.ts";
import { listeningLog } from "./quiet-log.ts";

export const ana: Decider = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null };
export const ben: Decider = { actor: slackActor("U0BEN"), breakGlass: null };
export const eve: Decider = { actor: slackActor("U0EVE"), breakGlass: null };
export const DAY = 86_400_000;

export interface GivenTarget {
  /** Of its key, which is called `<target>-key`; more of it by `key`. */
  ageDays?: number;
  key?: Partial<SeedKeyInput>;
  /** Files that hold the key; `<target>.env` by default. */
  files?: string[];
  /** A target before this one whose key it holds as well. */
  sharesKeyOf?: string;
  more?: Record<string, unknown>;
}

/** An installation whose rotations a test drives by hand, on clocks that it turns. */
export interface Drive {
  lab: Lab;
  console: SandboxClient;
  /** May be changed: `deps.settings`, or `{ ...deps, admin }` for one call. */
  deps: Deps;
  keys: Record<string, NewKey>;
  /** Secrets whose store does not answer. */
  down: Set<string>;
  /** How far Redis's clock is from ours. */
  redisClock: { offsetMs: number };
  log: ReturnType<typeof listeningLog>;
  /** Turns every clock: ours, Redis's and the organization's. */
  turn(ms: number): Promise<void>;
  open(target?: string): Promise<Rotation>;
  load(id: string): Promise<Rotation>;
  /** Another application of the same configuration file as it is now. */
  again(): Promise<Deps>;
  /** A person makes a key in the Console. */
  make(input?: Partial<CreateKeyInput>): Promise<NewKey>;
  submit(id: string, text: string, options?: Partial<SubmitOptions>): ReturnType<typeof submit>;
  /** One step of a worker, whatever the time. */
  step(id: string, deps?: Deps): Promise<Rotation>;
  /** Steps, people's doings and time until the rotation is in that state. @throws when it does not get there */
  until(id: string, state: State): Promise<Rotation>;
  /** Opens a rotation and brings it there. */
  to(state: State, target?: string): Promise<Rotation>;
  file(name: string): Promise<string>;
  value(file: string): Promise<string>;
  status(keyId: string): Promise<string>;
  /** POSTs to keys that were carried out, oldest first: `inactive apikey_…`. */
  statusCalls(): Promise<string[]>;
  audit(): Promise<AuditEntry[]>;
  /** Everything in the folder: name → content. */
  folder(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

let installs = 0;

/** @param redisUrl several drives may share it: each has an installation name of its own */
export async function drive(
  redisUrl: string,
  given: { targets?: Record<string, GivenTarget>; config?: Record<string, unknown> } = {},
): Promise<Drive> {
  const lab = await startLab(redisUrl, { install: `kt${++installs}`, ...given.config });
  const keys: Record<string, NewKey> = {};
  const targets: Record<string, unknown> = {};
  for (const [name, target] of Object.entries(given.targets ?? { billing: {} })) {
    const shared = target.sharesKeyOf === undefined ? undefined : keys[target.sharesKeyOf];
    const key =
      shared ?? (await lab.console.seedKey({ name: `${name}-key`, ageDays: target.ageDays ?? 100, ...target.key }));
    keys[name] = key;
    const files = target.files ?? [`${name}.env`];
    for (const file of files) await lab.setValue(file.replace(/\.env$/, ""), key.secret);
    const destinations = files.map((secret) => ({ store: "files", secret, field: "ANTHROPIC_API_KEY" }));
    targets[name] = { destinations, ...target.more };
  }
  await lab.configure({ targets });
  let offset = 0;
  const redisClock = { offsetMs: 0 };
  const turn = async (ms: number): Promise<void> => {
    offset += Math.ceil(ms);
    await lab.console.clock({ offsetMs: offset });
  };
  const clock = { now: () => Date.now() + offset, sleep: (ms: number) => turn(ms) };
  const down = new Set<string>();
  const log = listeningLog();
  const again = async (): Promise<Deps> => {
    const { deps, loaded } = await lab.app();
    deps.directory = memoryDirectory(["U0BEN", "U0EVE"]);
    deps.settings.approvers.slack.users = ["U0BEN", "U0EVE"];
    const client = {
      baseUrl: loaded.config.anthropic.baseUrl,
      clock,
      log,
      random: () => 0,
      limits: { attemptMs: 300 },
    };
    const serverTime = async () => (await deps.rotations.serverTime()) + offset + redisClock.offsetMs;
    return {
      ...deps,
      clock,
      log,
      admin: createKeyAdmin({ ...client, adminKey: () => SecretText.from(lab.sandbox.adminKey) }),
      verifier: createKeyVerifier({ ...client, model: loaded.config.anthropic.verifyModel }),
      stores: withOutages(deps.stores, down),
      rotations: { ...deps.rotations, serverTime },
      wakeups: { wake: async () => undefined },
    };
  };
  const deps = await again();
  const load = async (id: string): Promise<Rotation> => {
    const found = await deps.rotations.load(id);
    if (found === null) throw new Error(`no rotation ${id}`);
    return found;
  };
  const file = (name: string) => readFile(join(lab.dir, name), "utf8");
  const drive: Drive = {
    lab,
    console: lab.console,
    deps,
    keys,
    down,
    redisClock,
    log,
    turn,
    open: (target = "billing") => rotate(drive.deps, target, ana.actor, null),
    load,
    again,
    make: (input = {}) => lab.console.createKey({ name: "replacement", ...input }),
    submit: (id, text, options = {}) =>
      submit(drive.deps, id, text, ana.actor, { keyId: null, acceptExpiry: false, replace: false, ...options }),
    step: async (id, with_ = drive.deps) => {
      await advance(id, with_);
      return load(id);
    },
    until: (id, state) => until(drive, id, state),
    to: async (state, target) => drive.until((await drive.open(target)).id, state),
    file,
    value: async (name) => /^ANTHROPIC_API_KEY=(.*)$/m.exec(await file(name))?.[1] ?? "",
    status: async (keyId) => (await lab.console.history(keyId)).key.status,
    statusCalls: async () =>
      (await lab.console.requests())
        .filter((r) => r.method === "POST" && r.path.includes("/api_keys/") && r.applied)
        .map((r) => `${r.bodyStatus} ${r.path.split("/").at(-1)}`),
    audit: async () => {
      await deps.audit.sync();
      const entries: AuditEntry[] = [];
      for await (const entry of deps.audit.entries()) entries.push(entry);
      return entries;
    },
    folder: async () => {
      const found: Record<string, string> = {};
      for (const name of (await readdir(lab.dir)).toSorted()) found[name] = await file(name);
      return found;
    },
    close: () => lab.close(),
  };
  return drive;
}

/** People do what is asked of them, workers step, and time passes when nothing else is to be done. */
async function until(d: Drive, id: string, state: State): Promise<Rotation> {
  for (let steps = 0; steps < 60; steps++) {
    const r = await d.load(id);
    if (r.state === state) return r;
    if (isFinal(r.state) || (r.attention?.looks ?? 0) > 2) {
      const trouble = d.log.lines.findLast((line) => line.fields["err"] instanceof Error)?.fields["err"] as
        | Error
        | undefined;
      throw new Error(`${r.state} instead of ${state}; ${r.attention?.code ?? ""} ${r.attention?.message ?? ""}`, {
        cause: trouble,
      });
    }
    if (r.state === "awaiting_approval" && r.approvals.length < r.approvalsNeeded) await approve(d.deps, id, ana);
    else if (r.state === "awaiting_replacement" && r.replacement === null) {
      const key = await d.make({ name: r.plan.requiredName ?? `${r.target}-replacement` });
      await d.submit(id, key.secret);
    } else {
      const wait = (r.wakeAt ?? 0) - d.deps.clock.now();
      // Days of looks at usage and destinations: what is between is of no interest here.
      const rest = r.state === "draining" ? 6 * 3_600_000 : (r.graceEndsAt ?? 0) - d.deps.clock.now();
      if (wait > 0) await d.turn(Math.max(wait, rest));
      await d.step(id);
    }
  }
  throw new Error(`never in ${state}, but in ${(await d.load(id)).state}`);
}

/** Stores that do not answer for the named secrets. */
function withOutages(stores: Stores, down: ReadonlySet<string>): Stores {
  return {
    close: () => stores.close(),
    of: async (dest) => {
      const store = await stores.of(dest);
      return new Proxy(store, {
        get: (real: SecretStore, name) => {
          const found: unknown = Reflect.get(real, name);
          if (!down.has(dest.secret) || typeof found !== "function") return found;
          return async () => {
            throw new KeyturnError("STORE_UNAVAILABLE", `files:${dest.secret} is down in this test.`);
          };
        },
      });
    },
  };
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** What a refused call answered. @throws when it was not refused */
export async function refusal(call: Promise<unknown>): Promise<KeyturnError> {
  const error: unknown = await call.then(
    () => null,
    (e: unknown) => e,
  );
  if (!(error instanceof KeyturnError)) throw new Error(`not refused, but ${String(error)}`);
  return error;
}
