import type { Log, Notifier } from "../ports/notifier.ts";
import { aboutOf } from "../rotation/about.ts";

/** Tells by a log line per new attention: what a collector alerts on when no messenger is configured. */
export function logNotifier(log: Log): Notifier {
  const told = new Map<string, number>();
  return {
    changed: (r) => {
      // Moves are logged where they are saved; one line per cause, however often it is looked at again.
      if (r.attention === null || r.endedAt !== null) told.delete(r.id);
      else if (told.get(r.id) !== r.attention.since) {
        told.set(r.id, r.attention.since);
        const fields = {
          event: "notify.attention",
          ...aboutOf(r),
          state: r.state,
          code: r.attention.code,
          next: r.attention.next,
        };
        log.warn(fields, r.attention.message);
      }
      return Promise.resolve();
    },
  };
}
