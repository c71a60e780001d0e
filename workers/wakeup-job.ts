import { UnrecoverableError } from "bullmq";
import { z } from "zod";
import type { WakeupJob } from "../src/ports/queue.ts";

const wakeupJob = z.object({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/),
  revision: z.number().int().min(0),
  schema: z.literal(1),
});

/** @throws UnrecoverableError for what this version did not write; the reconciler wakes the rotation by itself */
export function parseWakeup(data: unknown): WakeupJob {
  const parsed = wakeupJob.safeParse(data);
  if (parsed.success) return parsed.data;
  // What is in the job is not quoted: we do not know who wrote it.
  throw new UnrecoverableError("the job is not a wake-up that this version knows");
}
