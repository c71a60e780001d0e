import { containsKey } from "../../rotation/contains-key.ts";
import { asKeyturnError } from "../../rotation/errors.ts";

/** `warn`: it works, and somebody should know. `fail`: a rotation would not get through, or not safely. */
export type Level = "pass" | "warn" | "fail";

/** One line of the doctor's report. Names are stable; never key text. */
export interface Finding {
  name: string;
  level: Level;
  message: string;
  /** What a person does about it; null when there is nothing to do. */
  fix: string | null;
}

/** One thing to look at; it may have several lines. What it throws is a line as well. */
export interface Check {
  name: string;
  /** How long it may take in all, in milliseconds; absent: as long as any. */
  withinMs?: number;
  /** Of a check that throws or is late; absent: `fail`. */
  onTrouble?: Level;
  run(): Promise<readonly Finding[]>;
}

/** Texts come from outside as well: one with a key in it is not repeated (P3). */
const said = (text: string): string => (containsKey(text) ? "(not shown: it looks as if it had a key in it)" : text);

export const pass = (name: string, message: string): Finding => ({
  name,
  level: "pass",
  message: said(message),
  fix: null,
});
export const warn = (name: string, message: string, fix: string): Finding => ({
  name,
  level: "warn",
  message: said(message),
  fix: said(fix),
});
export const fail = (name: string, message: string, fix: string): Finding => ({
  ...warn(name, message, fix),
  level: "fail",
});

/** Anything thrown as a line: what is wrong, and the next step that the error names. */
export function trouble(name: string, error: unknown, level: Level = "fail", about = ""): Finding {
  const { message, next } = asKeyturnError(error);
  return { ...fail(name, `${about}${message}`, next), level };
}
