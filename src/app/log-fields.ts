import { AsyncLocalStorage } from "node:async_hooks";

/** Fields that a log line has because of what it was said during; JSON values, never key text. */
export type LogFields = Readonly<Record<string, string | number | null>>;

const storage = new AsyncLocalStorage<LogFields>();

/**
 * While `work` runs, every log line of it has these fields too: also what an adapter says that knows of no rotation. What a
 * line says itself counts before them.
 */
export const withLogFields = <T>(fields: LogFields, work: () => Promise<T>): Promise<T> =>
  storage.run({ ...storage.getStore(), ...fields }, work);

/** The fields of what runs at the moment; the log asks for each line. */
export const currentLogFields = (): LogFields => storage.getStore() ?? {};
