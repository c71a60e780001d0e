import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";
import type { Site } from "./site.ts";

/** A rotation as the HTTP API shows it: what a person sees. */
export interface Shown {
  id: string;
  target: string | null;
  state: string;
  reason: string;
  planHash: string;
  outgoingKey: { id: string };
  replacementKey: { id: string } | null;
  needsAttention: { code: string; message: string } | null;
  approvals: unknown[];
  enteredAt: string;
  dueAt: string | null;
}

export interface Answer {
  /** null: nobody answered, and it may have been done. */
  status: number | null;
  body: Record<string, unknown>;
}

const ANSWER_WITHIN_MS = 20_000;

/** One request to one replica, whichever is up. */
export async function ask(site: Site, random: Random, method: string, path: string, body?: object): Promise<Answer> {
  const url = site.anyUrl(random);
  if (url === null) return { status: null, body: {} };
  try {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${site.apiToken}`,
        ...(method === "POST" ? { "content-type": "application/json" } : {}),
      },
      ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  } catch {
    return { status: null, body: {} };
  }
}

export const isDone = ({ status }: Answer): boolean => status !== null && status < 300;
/** Refused for certain: it was not done. */
export const isRefused = ({ status }: Answer): boolean => status !== null && status >= 400 && status < 500;

/** What is open, read again and again for everybody at once. */
export interface Board {
  open: ReadonlyMap<string, Shown>;
  /** When the list was last read (milliseconds since 1970). */
  readAt: number;
  ofTarget(target: string): Shown | undefined;
  stop(): Promise<void>;
}

export function openBoard(site: Site, random: Random, everyMs = 800): Board {
  let stopping = false;
  const board = {
    open: new Map<string, Shown>(),
    readAt: 0,
    ofTarget: (target: string) =>
      // In the grace period another one may be open beside it.
      [...board.open.values()].find((r) => r.target === target && !["grace_period", "archiving"].includes(r.state)),
    stop: async () => {
      stopping = true;
      await reading;
    },
  };
  const read = async (): Promise<void> => {
    const at = Date.now();
    const all = new Map<string, Shown>();
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = await ask(site, random, "GET", `/rotations?limit=100${cursor === "" ? "" : `&cursor=${cursor}`}`);
      if (!isDone(page)) return;
      for (const one of page.body["rotations"] as Shown[]) all.set(one.id, one);
      cursor = page.body["next"] as string | null;
    }
    board.open = all;
    board.readAt = at;
  };
  const reading = (async () => {
    while (!stopping) {
      await read();
      await sleep(everyMs);
    }
  })();
  return board;
}
