import type { Clock } from "../ports/clock.ts";
import type { Log, Notifier } from "../ports/notifier.ts";
import type { Outbox } from "../ports/outbox.ts";
import { aboutOf } from "../rotation/about.ts";
import { asKeyturnError } from "../rotation/errors.ts";

/**
 * Puts every change into the outbox, from where it is delivered; what is lost here is found by the sweep. Never throws and
 * takes one command of Redis. @param first told as well, such as the log. @param nudge called once it is in the outbox
 */
export function outboxNotifier(given: {
  first: Notifier;
  outbox: Pick<Outbox, "add">;
  clock: Clock;
  log: Log;
  nudge: () => void;
}): Notifier {
  const { first, outbox, clock, log } = given;
  let failing = false;
  return {
    changed: async (rotation, event) => {
      await first.changed(rotation, event).catch(() => undefined);
      try {
        await outbox.add(rotation.id, clock.now());
        failing = false;
      } catch (error) {
        if (!failing)
          log.warn(
            { event: "announce.not_added", ...aboutOf(rotation), code: asKeyturnError(error).code },
            "a change could not be put into the outbox; the sweep makes it up",
          );
        failing = true;
        return;
      }
      given.nudge();
    },
  };
}
