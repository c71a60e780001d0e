import { type Family, gauge, render } from "./exposition.ts";

/** One source of metrics: the records, the queue, Redis itself. */
export type Part = () => Promise<Family[]>;

/** A scraper that waits longer takes nothing; with what comes around it this stays under two seconds. */
const LIMIT_MS = 1500;

/**
 * The text of one scrape. Scrapes at the same time share one collection. A part that fails or is late is left out and says
 * so in `keyturn_collection_success`; what this process knows by itself is always there, so that a Redis that is away does
 * not look like a Keyturn that is gone. Never throws.
 */
export function createCollector(given: {
  /** Known without asking anybody. */
  own: () => Family[];
  parts: Readonly<Record<string, Part>>;
  limitMs?: number;
}): () => Promise<string> {
  const limitMs = given.limitMs ?? LIMIT_MS;
  const parts = Object.entries(given.parts).map(([name, part]) => ({ name, collect: joined(part) }));
  return joined(async () => {
    const results = await Promise.all(
      parts.map(async ({ name, collect }) => ({ name, families: await within(limitMs, collect()) })),
    );
    const success = gauge(
      "keyturn_collection_success",
      "Whether this scrape could read the records, the queue and the server's settings.",
      results.map(({ name, families }) => ({ labels: { part: name }, value: families === null ? 0 : 1 })),
    );
    return render([...given.own(), success, ...results.flatMap(({ families }) => families ?? [])]);
  });
}

/** A call while one runs gets the same answer; so work that hangs is not begun again and again. */
function joined<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => (running ??= work().finally(() => (running = null)));
}

/** null when it fails or takes longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
