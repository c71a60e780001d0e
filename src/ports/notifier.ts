import type { Rotation } from "../rotation/record.ts";

/** Tells people. One call per state change or new attention; repeating a call tells nobody twice. */
export interface Notifier {
  changed(rotation: Rotation, event: string): Promise<void>;
}

/** The log as use cases see it; pino fits. Fields are facts, never key text. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
