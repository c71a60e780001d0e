import type { Rotation } from "../rotation/record.ts";
import { aboutOf } from "../rotation/about.ts";
import type { Deps } from "./deps.ts";

const told = new Set<string>();
/** Beyond so many it may be said once more; the set must not grow for ever. */
const MOST = 1000;

/** Written by a newer version: its workers go on with it. Said once per rotation and process. */
export function leaveAlone(deps: Pick<Deps, "log">, record: Rotation): null {
  const { id, schema, state } = record;
  if (!told.has(id))
    deps.log.warn(
      { event: "record.newer", ...aboutOf(record), schema, state },
      "a newer version of Keyturn wrote this rotation; this version leaves it alone",
    );
  if (told.size > MOST) told.clear();
  told.add(id);
  return null;
}
