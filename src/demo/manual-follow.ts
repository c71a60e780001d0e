import { findRotation } from "../app/find.ts";
import type { App } from "../compose.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import type { Application } from "./application.ts";
import { TARGET } from "./folder.ts";
import { milestone } from "./milestones.ts";
import type { Line } from "./timeline.ts";

/** Says each milestone of the target's rotations once, in order, whichever way a person takes them. */
export class Follower {
  readonly #app: App;
  readonly #say: (line: Line) => void;
  readonly #application: Application;
  /** By rotation: so many entries of its history were said. */
  readonly #said = new Map<string, number>();
  #first: Rotation | null = null;
  #switchSaid = false;
  /** Whether the person knows that it is over. */
  toldEnd = false;

  constructor(app: App, say: (line: Line) => void, application: Application) {
    this.#app = app;
    this.#say = say;
    this.#application = application;
  }

  /** The rotation that this was started for, as it was last seen. */
  get first(): Rotation | null {
    return this.#first;
  }

  /** The open rotation of the target, else the newest one; null: there is none yet. */
  async look(): Promise<Rotation | null> {
    const record = await findRotation(this.#app.deps, TARGET).catch(unlessNotFound);
    if (record === null) return null;
    if (this.#first === null || this.#first.id === record.id) this.#first = record;
    const lines = record.history.slice(this.#said.get(record.id) ?? 0).map((entry) => milestone(entry, record));
    this.#said.set(record.id, record.history.length);
    const { switchedAt, ok, failed } = this.#application.report();
    if (switchedAt !== null && !this.#switchSaid && record.propagatedAt !== null) {
      this.#switchSaid = true;
      const text = `both read their key again and use ${record.replacement?.name ?? "the replacement"} now (${ok + failed} calls so far, ${failed} failed)`;
      lines.push({ at: switchedAt, label: "the applications", text });
    }
    for (const line of lines.toSorted((a, b) => a.at - b.at)) this.#say(line);
    return record;
  }
}

function unlessNotFound(error: unknown): null {
  if (asKeyturnError(error).code === "NOT_FOUND") return null;
  throw error;
}
