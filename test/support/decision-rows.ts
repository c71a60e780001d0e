import { expect, it } from "vitest";
import type { AttentionCode } from "../../src/rotation/codes.ts";
import { type Decision, decide } from "../../src/rotation/decide.ts";
import type { Observation } from "../../src/rotation/observation.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { State } from "../../src/rotation/states.ts";
import { anObservation, rotationIn } from "./observations.ts";
import { NOON, aDestination, aPlan } from "./records.ts";

/** One row: what is different from a healthy record and world, and what is then decided. */
export interface DecisionRow {
  when: string;
  given?: Partial<Rotation>;
  seen?: Partial<Observation>;
  so: Decision;
}

/** One test per row: the decision of a healthy rotation in `state`, in a world like `world` but for what the row says. */
export function decisions(state: State, world: Partial<Observation>, rows: DecisionRow[]): void {
  it.each(rows)(`${state}: $when`, ({ given, seen, so }) => {
    expect(decide(rotationIn(state, given), anObservation({ ...world, ...seen }))).toEqual(so);
  });
}

export const move = (event: Extract<Decision, { do: "move" }>["event"]): Decision => ({ do: "move", event });
export const perform = (effect: Extract<Decision, { do: "perform" }>["effect"]): Decision => ({
  do: "perform",
  effect,
});
export const attend = (code: AttentionCode, about?: string): Decision =>
  about === undefined ? { do: "attend", code } : { do: "attend", code, about };
export const wait = (until: number | null): Decision => ({ do: "wait", until });

/** A plan with two destinations, `a.env` and `b.env`. */
export const both = { plan: aPlan({ destinations: [aDestination("a.env"), aDestination("b.env")] }) };

/** A record that was sent back because P1 did not hold. */
export const lost = (code: AttentionCode): Partial<Rotation> => ({
  attention: { code, message: "", next: "", since: NOON, looks: 1 },
});
