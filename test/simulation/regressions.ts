import { type Doing, HEALTHY, others, person, step, wait } from "./sequences.ts";

const DAY = 86_400_000;

/** Sequences that random runs found, and that broke a promise once: shrunk, named, and played in every run. */
export const REGRESSIONS: readonly { name: string; doings: readonly Doing[] }[] = [
  {
    // Back from archiving because the key was active, the period counted from then, though it was still active.
    name: "P4: a key activated while archiving and disabled unseen, a grace period later, gets a whole one of its own",
    doings: [
      ...HEALTHY.slice(0, -1),
      others("enable outgoing"),
      step,
      wait(8 * DAY),
      others("disable outgoing"),
      step,
      step,
    ],
  },
  {
    // Sent back for the hold, though the key was seen active in the same look, the served period went on counting.
    name: "P4: a key activated while archiving under a hold and disabled later gets a whole grace period",
    doings: [
      ...HEALTHY.slice(0, -1),
      others("enable outgoing"),
      person("hold"),
      step,
      others("disable outgoing"),
      person("unhold"),
      step,
      wait(1000),
      step,
      step,
    ],
  },
];
