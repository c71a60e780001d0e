import { containsKey } from "../../rotation/contains-key.ts";

/** Only pages of ours that a person may be on their way to. */
const OURS = /^\/(\?[\w\-.~%=&]*|(rotations|targets)([/?][\w\-.~%/?=&:+]*)?)?$/;

/** Where to go after signing in: a path on this host, whatever the address says; else the overview. */
export function returnTo(text: string | null | undefined): string {
  if (text == null || text.length > 500 || !OURS.test(text) || text.includes("..")) return "/";
  // It is repeated on the page.
  return containsKey(text) ? "/" : text;
}

/** The same in a link to the sign-in page. */
export const signInPath = (wanted: string): string => {
  const path = returnTo(wanted);
  return path === "/" ? "/sign-in" : `/sign-in?to=${encodeURIComponent(path)}`;
};
