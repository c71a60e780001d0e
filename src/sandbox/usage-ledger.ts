import type { UsageEvent } from "./model.ts";

/** Sums of some use. */
export interface Counts {
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

interface Cell extends Counts {
  at: number;
  model: string;
  workspaceId: string | null;
}

export interface Slice extends Cell {
  keyId: string | null;
}

const CELL_MS = 1000;

/** What every key used, in cells of one second, so that "not yet visible" can be told precisely. */
export class UsageLedger {
  readonly #byKey = new Map<string | null, Map<string, Cell>>();

  add(event: UsageEvent): void {
    const cells = this.#byKey.get(event.keyId) ?? new Map<string, Cell>();
    this.#byKey.set(event.keyId, cells);
    const at = Math.floor(event.at / CELL_MS) * CELL_MS;
    const name = `${at}\0${event.model}\0${event.workspaceId ?? ""}`;
    const cell = cells.get(name);
    if (cell === undefined) {
      const { requests, inputTokens, outputTokens, model, workspaceId } = event;
      cells.set(name, { at, model, workspaceId, requests, inputTokens, outputTokens });
      return;
    }
    cell.requests += event.requests;
    cell.inputTokens += event.inputTokens;
    cell.outputTokens += event.outputTokens;
  }

  /** Use in [from, to) of the given keys; null for all. */
  *between(from: number, to: number, keyIds: ReadonlySet<string | null> | null): Generator<Slice> {
    for (const keyId of keyIds ?? this.#byKey.keys()) {
      for (const cell of this.#byKey.get(keyId)?.values() ?? []) {
        if (cell.at >= from && cell.at < to) yield { ...cell, keyId };
      }
    }
  }
}
