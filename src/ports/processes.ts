import type { Instant } from "../rotation/record.ts";

/** What a process is there for. `command`: anything that a person or a CronJob runs and that ends by itself. */
export type ProcessKind = "serve" | "run-once" | "scan" | "command";

/** A process of this installation that is at work. */
export interface ProcessSeen {
  kind: ProcessKind;
  host: string;
  /** Whether it works with stores that belong to one host (R10). */
  files: boolean;
}

/** Another host has the files; it is gone at `until` by Redis' clock, unless it says again that it is there. */
export interface Elsewhere {
  host: string;
  until: Instant;
}

/** Which processes of the installation are at work, and on which hosts. */
export interface Processes {
  /** Of this process. */
  readonly host: string;
  /**
   * Says for `thereMs` that this process is there; repeat it sooner. With `files` it also claims the stores that belong to
   * one host: any number of processes of one host may have them, and no other host while one of them is there.
   * @returns null; or who has the files, and then they are not claimed
   * @throws REDIS_UNAVAILABLE: then nothing is known
   */
  beat(kind: ProcessKind, files: boolean): Promise<Elsewhere | null>;
  /** This one goes; others stay. Repeating is safe. @throws REDIS_UNAVAILABLE */
  leave(): Promise<void>;
  /** Those that are there now, this one as well. @throws REDIS_UNAVAILABLE */
  all(): Promise<ProcessSeen[]>;
}
