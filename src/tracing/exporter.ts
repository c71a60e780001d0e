import type { SecretText } from "../rotation/secret.ts";

export interface ExporterOptions<T> {
  /** The whole address. */
  url: string;
  /** Read anew for each request, so that a replaced secret is picked up. @throws CONFIG_INVALID */
  headers: () => Readonly<Record<string, SecretText>>;
  encode: (items: readonly T[]) => string;
  /** Told of what was taken by the collector and what was given up. Must not throw. */
  onEnd?: (outcome: "exported" | "dropped", count: number) => void;
  /** Told once of each trouble, `null` when it is over: a code, never a text. Must not throw. */
  onTrouble?: (code: string | null) => void;
  fetch?: typeof globalThis.fetch;
  /** Tests shorten and narrow them. */
  limits?: Partial<typeof LIMITS>;
}

const LIMITS = {
  /** Kept while the collector does not answer; what is beyond is dropped. About 1 MB. */
  kept: 2048,
  atOnce: 256,
  /** Between two batches, and the longest pause after failures (milliseconds). */
  everyMs: 2000,
  longestMs: 60_000,
  /** One request (milliseconds). */
  timeoutMs: 5000,
};

export interface Exporter<T> {
  /** Never throws and never waits. */
  add(item: T): void;
  /** Sends what is left, for at most so long; the rest is dropped. Safe to repeat. */
  close(limitMs: number): Promise<void>;
}

/** The receiver may take it later. https://opentelemetry.io/docs/specs/otlp/#failures-1 */
const MAY_BE_REPEATED = new Set([429, 502, 503, 504]);

/**
 * Sends spans in batches, one request at a time. A collector that is away costs bounded memory and nobody's time: the
 * batch waits, with growing pauses, and what does not fit any more is dropped and counted.
 */
export function createExporter<T>(options: ExporterOptions<T>): Exporter<T> {
  const limits = { ...LIMITS, ...options.limits };
  const waiting: T[] = [];
  const ending = new AbortController();
  let failures = 0;
  let said: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | null = null;

  const end = (outcome: "exported" | "dropped", count: number) => {
    if (count > 0) options.onEnd?.(outcome, count);
  };
  const say = (code: string | null) => {
    if (code !== said) options.onTrouble?.(code);
    said = code;
  };
  const sendOne = async (): Promise<void> => {
    const batch = waiting.slice(0, limits.atOnce);
    const answer = await post(options, batch, AbortSignal.any([AbortSignal.timeout(limits.timeoutMs), ending.signal]));
    say(answer.code);
    if (answer.code !== null && answer.again) {
      failures += 1;
      return;
    }
    failures = 0;
    waiting.splice(0, batch.length);
    end(answer.code === null ? "exported" : "dropped", batch.length);
  };
  const send = (): Promise<void> => (sending ??= sendOne().finally(() => (sending = null)));
  const schedule = () => {
    if (timer !== undefined || ending.signal.aborted || waiting.length === 0) return;
    const pause = Math.min(limits.longestMs, limits.everyMs * 2 ** Math.min(failures, 10));
    timer = setTimeout(() => {
      timer = undefined;
      void send().then(schedule);
    }, pause);
    // A process that has nothing else to do ends.
    timer.unref();
  };
  let closing: Promise<void> | null = null;
  const close = async (limitMs: number): Promise<void> => {
    clearTimeout(timer);
    const over = setTimeout(() => ending.abort(), limitMs);
    for (let before = -1; waiting.length > 0 && before !== waiting.length && !ending.signal.aborted;) {
      await sending;
      before = waiting.length;
      if (before > 0) await send();
    }
    clearTimeout(over);
    ending.abort();
    end("dropped", waiting.length);
    waiting.length = 0;
  };
  return {
    add: (item) => {
      if (ending.signal.aborted || waiting.length >= limits.kept) return end("dropped", 1);
      waiting.push(item);
      schedule();
    },
    close: (limitMs) => (closing ??= close(limitMs)),
  };
}

/** Never throws. */
async function post<T>(
  { url, headers, encode, fetch: fetchFn = fetch }: ExporterOptions<T>,
  batch: readonly T[],
  signal: AbortSignal,
): Promise<{ code: null } | { code: string; again: boolean }> {
  const secrets = Object.entries(readOr(headers));
  const own = Object.fromEntries(secrets.map(([name, secret]) => [name, secret.use((text) => text)]));
  for (const [, secret] of secrets) secret.wipe();
  try {
    const response = await fetchFn(url, {
      method: "POST",
      redirect: "manual",
      headers: { ...own, "content-type": "application/json", "user-agent": "keyturn" },
      body: encode(batch),
      signal,
    });
    await response.body?.cancel().catch(() => undefined);
    if (response.status >= 200 && response.status < 300) return { code: null };
    return { code: `http_${response.status}`, again: MAY_BE_REPEATED.has(response.status) };
  } catch {
    // The error of an unusable header value quotes it, so nothing of it is kept.
    return { code: "no_answer", again: true };
  }
}

/** A secret that cannot be read now may be there the next time; the collector then refuses. */
function readOr(headers: () => Readonly<Record<string, SecretText>>): Readonly<Record<string, SecretText>> {
  try {
    return headers();
  } catch {
    return {};
  }
}
