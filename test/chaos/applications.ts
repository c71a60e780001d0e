import { setTimeout as sleep } from "node:timers/promises";
import type { ApplicationCall } from "./check/evidence.ts";
import { APPLICATION_QUERY } from "./check/look.ts";
import { digestOf } from "./places.ts";
import type { Random } from "./random.ts";
import type { Site } from "./site.ts";

export interface Applications {
  /** Calls that were refused. */
  refused: ApplicationCall[];
  /** By HTTP status; `none`: no answer. */
  calls: Record<string, number>;
  stop(): Promise<void>;
}

const HEADERS = { "anthropic-version": "2023-06-01", "content-type": "application/json" };
const MESSAGE = JSON.stringify({
  model: "claude-haiku-4-5",
  max_tokens: 1,
  messages: [{ role: "user", content: "work" }],
});

/** For each destination an application that reads its key and calls the API with it, again and again. */
export function startApplications(site: Site, random: Random, everyMs: number): Applications {
  const stopping = new AbortController();
  const refused: ApplicationCall[] = [];
  const calls: Record<string, number> = {};
  const call = async (key: string, leavesUse: boolean): Promise<number | null> => {
    const path = leavesUse ? "messages" : "models";
    try {
      const response = await fetch(`${site.console.url}/v1/${path}?${APPLICATION_QUERY}`, {
        headers: { ...HEADERS, "x-api-key": key },
        ...(leavesUse ? { method: "POST", body: MESSAGE } : {}),
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(10_000)]),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null;
    }
  };
  const loop = async (destination: number, chance: Random): Promise<void> => {
    const dest = site.destinations[destination];
    if (dest === undefined) return;
    const leavesUse = site.targets.find(({ name }) => name === dest.target)?.usage === true;
    while (!stopping.signal.aborted) {
      await sleep(chance.int(everyMs / 2, everyMs * 1.5), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
      if (stopping.signal.aborted) return;
      const value = await site.read(dest);
      const status = await call(value, leavesUse);
      calls[String(status ?? "none")] = (calls[String(status ?? "none")] ?? 0) + 1;
      if (status !== 401 && status !== 403) continue;
      // A value replaced between reading and calling is read again, as every application does.
      const stillCurrent = (await site.read(dest)) === value;
      const noted = { at: Date.now(), target: dest.target, destination, digest: digestOf(value), status, stillCurrent };
      refused.push(noted);
    }
  };
  const loops = site.destinations.map((_, n) =>
    loop(n, random.stream(String(n))).catch((error: unknown) =>
      site.timeline.note("application.defect", { destination: n, what: String(error) }),
    ),
  );
  return {
    refused,
    calls,
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
