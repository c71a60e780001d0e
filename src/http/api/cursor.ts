import { KeyturnError } from "../../rotation/errors.ts";

/** Names the last rotation of a page. */
export const cursorOf = (r: { id: string; createdAt: number }): string =>
  Buffer.from(`${r.createdAt}.${r.id}`, "utf8").toString("base64url");

/** @throws USAGE for anything that `cursorOf` did not make */
export function readCursor(text: string): { id: string; createdAt: number } {
  const match = /^(\d{1,15})\.(rot_[A-Za-z0-9]{1,60})$/.exec(Buffer.from(text, "base64url").toString("utf8"));
  if (match === null) throw new KeyturnError("USAGE", "cursor: must be `next` of the page before.");
  return { createdAt: Number(match[1]), id: match[2] ?? "" };
}
