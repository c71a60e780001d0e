import type { Rotation } from "./record.ts";
import type { State } from "./states.ts";

/** What every log line about a rotation has, so that one search finds its whole life (docs/logs.md). */
export interface About {
  rotation: string;
  target: string | null;
  /** The state it is in. */
  step: State;
  /** 1, and one more for each failed try or look of a trouble that is not over. */
  attempt: number;
}

export const aboutOf = (r: Pick<Rotation, "id" | "target" | "state" | "retry" | "attention">): About => ({
  rotation: r.id,
  target: r.target,
  step: r.state,
  attempt: 1 + (r.retry?.attempts ?? r.attention?.looks ?? 0),
});

/** The same where the record may be gone: then only its id is known. */
export const aboutId = (id: string, r: Rotation | null): About | Pick<About, "rotation"> =>
  r === null ? { rotation: id } : aboutOf(r);
