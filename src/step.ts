import { type Step, advance } from "./app/advance.ts";
import { withLogFields } from "./app/log-fields.ts";
import type { App } from "./compose.ts";

/** One step of a worker: measured, and where traces are configured in a span whose ids its log lines have. */
export async function takeStep(app: Pick<App, "deps" | "counters" | "tracing">, id: string): Promise<Step | null> {
  const { deps, counters, tracing } = app;
  const take = async (): Promise<Step | null> => {
    const step = await advance(id, deps);
    if (step !== null) counters.stepSeconds.observe({ step: step.from, outcome: step.outcome }, step.took / 1000);
    return step;
  };
  if (tracing === null) return take();
  return tracing.span(
    "step",
    (ids) => withLogFields(ids, take),
    (step) => ({ "keyturn.rotation": id, ...(step === null ? {} : saidOf(step)) }),
  );
}

const saidOf = ({ about, from, to, outcome, code }: Step) => ({
  "keyturn.target": about.target,
  "keyturn.step": from,
  "keyturn.to": to,
  "keyturn.outcome": outcome,
  "keyturn.attempt": about.attempt,
  "keyturn.code": code,
});
