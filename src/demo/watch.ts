import { setTimeout as pause } from "node:timers/promises";
import { findRotation } from "../app/find.ts";
import type { App } from "../compose.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import { type State, isFinal } from "../rotation/states.ts";
import type { Application } from "./application.ts";
import { Interrupted, StepFailed } from "./failure.ts";
import { TARGET } from "./folder.ts";
import { explainDrain, milestone } from "./milestones.ts";
import type { Line } from "./timeline.ts";

const LOOK_MS = 150;
const EXPLAIN_EVERY_MS = 20_000;

export interface WatchOptions {
  app: App;
  application: Application;
  say: (line: Line) => void;
  signal: AbortSignal;
  /** Throws when something that must go on does not. */
  check: () => void;
  /** How long an attention may last before it counts as failure; null: a person is there to look after it. */
  attentionMs: number | null;
}

/** Follows one rotation and says each milestone once, in order. */
export class Watch {
  readonly #given: WatchOptions;
  #record: Rotation | null = null;
  #said = 0;
  #switchSaid = false;
  #explainAt = 0;

  constructor(given: WatchOptions) {
    this.#given = given;
  }

  /** null before the rotation was seen. */
  get seen(): Rotation | null {
    return this.#record;
  }

  /** @throws StepFailed before the rotation was seen */
  get record(): Rotation {
    if (this.#record === null) throw new StepFailed("no rotation was opened");
    return this.#record;
  }

  /**
   * Until the rotation was in one of `states`, or ended.
   * @param withinMs null: as long as it takes. `remind` is called every 30 s.
   * @throws StepFailed late, ended otherwise, or in need of attention for too long · Interrupted
   */
  async until(states: readonly State[], withinMs: number | null, remind?: () => void): Promise<Rotation> {
    const { signal, check } = this.#given;
    const startedAt = Date.now();
    for (let remindAt = startedAt + 30_000; ;) {
      if (signal.aborted) throw new Interrupted();
      const record = await this.#look();
      if (record !== null) {
        if (states.includes(record.state)) return record;
        if (isFinal(record.state)) throw new StepFailed(`the rotation ended as ${record.state}`);
        this.#checkAttention(record);
      }
      check();
      const now = Date.now();
      if (withinMs !== null && now - startedAt > withinMs) {
        throw new StepFailed(`still ${record?.state ?? "no rotation"} after ${Math.round(withinMs / 1000)} s`);
      }
      if (now >= remindAt) {
        remindAt = now + 30_000;
        remind?.();
      }
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<Rotation | null> {
    const { app } = this.#given;
    const found =
      this.#record === null
        ? await findRotation(app.deps, TARGET).catch(unlessNotFound)
        : await app.deps.rotations.load(this.#record.id);
    if (found === null) return null;
    this.#record = found;
    this.#tell(found);
    return found;
  }

  #tell(record: Rotation): void {
    const { application, say } = this.#given;
    const lines = record.history.slice(this.#said).map((entry) => milestone(entry, record));
    this.#said = record.history.length;
    const { switchedAt, ok, failed } = application.report();
    // The record says first that the file has changed.
    if (switchedAt !== null && !this.#switchSaid && record.propagatedAt !== null) {
      this.#switchSaid = true;
      const text = `both read their key again and use ${record.replacement?.name ?? "the replacement"} now (${ok + failed} calls so far, ${failed} failed)`;
      lines.push({ at: switchedAt, label: "the applications", text });
    }
    for (const line of lines.toSorted((a, b) => a.at - b.at)) say(line);
    if (record.state === "draining" && this.#switchSaid) this.#explainDrain(record);
  }

  #explainDrain({ outgoing, propagatedAt }: Rotation): void {
    const now = Date.now();
    if (propagatedAt === null || now < this.#explainAt) return;
    const wait = explainDrain(outgoing.name, this.#given.application.report().firstKeyLastUsedAt, propagatedAt, now);
    if (wait !== null)
      this.#given.say({ at: now, label: "  (waiting)", text: this.#explainAt === 0 ? wait.why : wait.left });
    this.#explainAt = now + EXPLAIN_EVERY_MS;
  }

  #checkAttention({ attention }: Rotation): void {
    const { attentionMs } = this.#given;
    if (attention === null || attentionMs === null || Date.now() - attention.since < attentionMs) return;
    throw new StepFailed(`the rotation needs attention (${attention.code}): ${attention.message}`, {
      next: attention.next,
    });
  }
}

function unlessNotFound(error: unknown): null {
  if (asKeyturnError(error).code === "NOT_FOUND") return null;
  throw error;
}
