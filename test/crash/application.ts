import { setTimeout as sleep } from "node:timers/promises";
import { FILES, type Site } from "./site.ts";

export interface Application {
  /** Ends it. @throws when a call with the value of a file was ever answered with 401 (P1) */
  stop(): Promise<void>;
}

const EVERY_MS = 25;

/** An application per file that reads its key and calls the API with it, again and again. */
export function startApplication(site: Site): Application {
  const stopping = new AbortController();
  const refused: string[] = [];
  let calls = 0;
  const statusOf = async (key: string): Promise<number> => {
    const response = await fetch(`${site.ground.console.url}/v1/models?limit=1`, {
      headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
    });
    await response.arrayBuffer();
    calls += 1;
    return response.status;
  };
  const loop = async (file: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      const key = await site.value(file);
      // A value replaced between reading and calling is read again, as every application does on a 401.
      if ((await statusOf(key)) === 401 && (await site.value(file)) === key) refused.push(file);
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const loops = Promise.all(FILES.map(loop));
  return {
    stop: async () => {
      stopping.abort();
      await loops;
      if (refused.length > 0)
        throw new Error(`P1: the value in ${refused[0]} was answered with 401 (${refused.length} of ${calls} calls)`);
    },
  };
}
