import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/notifier.ts";
import type { Elsewhere, ProcessKind, Processes } from "./ports/processes.ts";
import type { SecretStore, Stores } from "./ports/secret-store.ts";
import { BEAT_MS, THERE_MS } from "./redis/processes.ts";
import { KeyturnError } from "./rotation/errors.ts";
import { STORES } from "./stores/index.ts";

/** How this process says that it is there, and that the files of its host's stores are its own (R10). */
export interface Attendance {
  /**
   * From now on until `stop`. With stores that belong to one host it waits until a host that died counts as gone, 30 s at
   * most; one that is alive is recognised within 10 s.
   * @throws OTHER_HOST (78), REDIS_UNAVAILABLE
   */
  start(kind: ProcessKind): Promise<void>;
  /** Before anything is done in such a store; asks Redis only when the last word is old. @throws OTHER_HOST, REDIS_UNAVAILABLE */
  requireFiles(): Promise<void>;
  /** Whether a `serve` is there. @throws REDIS_UNAVAILABLE */
  serveIsThere(): Promise<boolean>;
  /** Never throws; bounded by one question to Redis. Safe to repeat. */
  stop(): Promise<void>;
}

/** Between claim and use: less than a process stays there, so that no other host can have the files meanwhile. */
const FRESH_MS = THERE_MS - 5000;
const LOOK_AGAIN_MS = 1000;

/** @param given.files whether a configured store belongs to one host */
export function createAttendance(given: {
  processes: Processes;
  files: boolean;
  clock: Pick<Clock, "sleep">;
  log: Log;
}): Attendance {
  const { processes, clock, log } = given;
  let kind: ProcessKind = "command";
  let files = given.files;
  let timer: NodeJS.Timeout | null = null;
  /** By the monotonic clock; also a process that stood still knows that its claim is old. */
  let claimedAt: number | null = null;
  let lost = false;

  const beat = async (): Promise<Elsewhere | null> => {
    const at = performance.now();
    const other = await processes.beat(kind, files);
    claimedAt = files && other === null ? at : null;
    if (other !== null && !lost && timer !== null)
      log.error({ event: "files.other_host", host: other.host }, said(other));
    if (other === null && lost)
      log.info({ event: "files.ours_again" }, "the files of the stores are this host's again");
    lost = other !== null && timer !== null;
    return other;
  };
  const said = ({ host }: Elsewhere) => `(They are at work on host ${host}; this is ${processes.host}.)`;
  const refusal = (other: Elsewhere) => new KeyturnError("OTHER_HOST", said(other), { reason: "other_host" });
  const keepOn = () => {
    // Redis may be away for a moment: whoever needs the files asks again.
    timer ??= setInterval(() => void beat().catch(() => undefined), BEAT_MS).unref();
  };

  return {
    start: async (what) => {
      kind = what;
      let seen: Elsewhere | null = null;
      for (;;) {
        const other = await beat();
        if (other === null) break;
        if (seen !== null && other.until > seen.until) {
          await processes.leave().catch(() => undefined);
          throw refusal(other);
        }
        if (seen === null)
          log.info(
            { event: "files.waiting", host: other.host },
            "another host had the files of the stores: waiting whether it is still there",
          );
        seen ??= other;
        await clock.sleep(LOOK_AGAIN_MS);
      }
      keepOn();
    },
    requireFiles: async () => {
      if (claimedAt !== null && performance.now() - claimedAt < FRESH_MS) return;
      files = true;
      const other = await beat();
      if (other !== null) throw refusal(other);
      keepOn();
    },
    serveIsThere: async () => (await processes.all()).some((each) => each.kind === "serve"),
    stop: async () => {
      if (timer !== null) clearInterval(timer);
      timer = null;
      claimedAt = null;
      await processes.leave().catch(() => undefined);
    },
  };
}

/** Whether stores of this type are files of one host. */
export const isOfOneHost = (type: string): boolean => STORES[type]?.oneHost === true;

/**
 * Stores that belong to one host answer only while no other host works with them: another host's files of the same name are
 * not what applications read, so that neither a write nor what is read there would be worth anything (R10, P1).
 */
export function hostBoundStores(inner: Stores, { requireFiles }: Pick<Attendance, "requireFiles">): Stores {
  const wrapped = new WeakMap<SecretStore, SecretStore>();
  const wrap = (store: SecretStore): SecretStore =>
    new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function" || name === "physicalId" || name === "close") return member;
        return async (...args: unknown[]): Promise<unknown> => {
          await requireFiles();
          return Reflect.apply(member, target, args);
        };
      },
    });
  return {
    of: async (dest) => {
      const store = await inner.of(dest);
      if (!isOfOneHost(store.type)) return store;
      const known = wrapped.get(store) ?? wrap(store);
      wrapped.set(store, known);
      return known;
    },
    close: () => inner.close(),
  };
}
