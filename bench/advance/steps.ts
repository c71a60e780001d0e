/** The requests of one rotation from *staged* to *grace period*, job by job, as our workers make them today. */
export type Request = "outgoing" | "replacement" | "models" | "message" | "deactivate";

/** Every job looks at both keys first. The last one is woken by entering the grace period and finds nothing to do. */
const LOOK: readonly Request[] = ["outgoing", "replacement"];

export const STEPS: readonly (readonly Request[])[] = [
  [...LOOK, "models", "message"], // verifying
  LOOK, // promoting
  LOOK, // propagating
  LOOK, // draining
  [...LOOK, "models", "message", "outgoing", "deactivate", "outgoing"], // deactivating
  LOOK, // grace_period
];

export const CONCURRENCY = 20;
