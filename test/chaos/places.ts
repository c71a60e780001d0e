import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import type { DestinationFacts, StoreState } from "./check/evidence.ts";

export const digestOf = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** A secrets manager with faults, seen from outside of Keyturn: by its administrator, its operators and applications. */
export interface Place {
  /** The entry under `stores`. */
  config: Record<string, unknown>;
  /** Makes a secret with these keys by field ("": the whole value). */
  create(secret: string, keys: Record<string, string>): Promise<void>;
  /** As applications do, round all faults. */
  read(dest: DestinationFacts): Promise<string>;
  /** What an operator does who hands the key over in the manager (way a); null: not offered here. */
  stage: ((dest: DestinationFacts, key: string) => Promise<void>) | null;
  /** From now on so many of a hundred calls meet such a fault; null: none. */
  fault(kind: string | null, percent: number): void;
  faults: readonly string[];
  close(): Promise<void>;
}

/** Something that is not ours, in every secret that can hold more than a key. */
export const NEIGHBOUR = { name: "DB_PASSWORD", value: "unrelated" } as const;

/** The history of all stores, as lines of a file. */
export interface Chronicle {
  states: StoreState[];
  /** Notes a state when it differs from the last one of the secret. */
  note(state: StoreState): void;
}

export function openChronicle(file: string): Chronicle {
  const states: StoreState[] = [];
  const last = new Map<string, string>();
  return {
    states,
    note: (state) => {
      const { at: _at, ...facts } = state;
      const text = JSON.stringify(facts);
      const name = `${state.store}/${state.secret}`;
      if (last.get(name) === text) return;
      last.set(name, text);
      states.push(state);
      appendFileSync(file, `${JSON.stringify(state)}\n`);
    },
  };
}

/** A JSON document of a secret, or its whole text, as digests. */
export function digestsOf(text: string, fields: readonly string[]): { current: Record<string, string>; rest: string } {
  if (fields.length === 0) return { current: { "": digestOf(text.trim()) }, rest: "" };
  const document = JSON.parse(text) as Record<string, string>;
  const current = Object.fromEntries(fields.map((field) => [field, digestOf(document[field] ?? "")]));
  const rest = Object.entries(document).filter(([name]) => !fields.includes(name));
  return { current, rest: digestOf(JSON.stringify(rest)) };
}
