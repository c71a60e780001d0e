import type { DestinationFacts } from "./check/evidence.ts";
import type { Random } from "./random.ts";

export const GRACE_MS = 8000;

/** Timers compressed by configuration alone. */
export const SITE_POLICY = {
  maxAge: "90d",
  gracePeriod: `${GRACE_MS}ms`,
  drain: { quietFor: "0s", limit: "2m", acceptNoUsageCheck: true },
  replacementWithin: "10m",
  propagation: { limit: "2m" },
  approval: { required: true, approvals: 1, expiresAfter: "10m" },
  maxOpenRotations: 1000,
};

export interface TargetPlan {
  name: string;
  destinations: readonly DestinationFacts[];
  /** What differs from the common policy. */
  policy: Record<string, unknown> | null;
  /** Of its first key: over 90 the scan opens the first rotation, else a person does. */
  ageDays: number;
  /** Its use is measured before the outgoing key is deactivated. */
  usage: boolean;
}

const FIELD = "ANTHROPIC_API_KEY";

/** Targets over all stores, every second one with two destinations, some of them two to one secret (R3). */
export function planTargets(size: number, random: Random): TargetPlan[] {
  return Array.from({ length: size }, (_, n) => {
    const name = `app-${String(n).padStart(2, "0")}`;
    const usage = random.chance(0.2);
    const dest = (place: Omit<DestinationFacts, "target">): DestinationFacts => ({ target: name, ...place });
    const where = (turn: number): DestinationFacts => {
      const field = turn % 2 === 0 ? FIELD : null;
      switch (turn % 5) {
        case 0:
        case 1:
          return dest({ store: "aws", secret: `${name}-${turn % 5}`, field });
        case 2:
        case 3:
          return dest({ store: "google", secret: `${name}-${turn % 5}`, field });
        default:
          return dest({ store: "files", secret: `${name}.env`, field: FIELD });
      }
    };
    // Every tenth pair shares one document, each with a field of its own.
    const pair = Math.floor(n / 2);
    const shared = pair % 5 === 2;
    const first = shared
      ? dest({ store: pair % 2 === 0 ? "aws" : "google", secret: `shared-${pair}`, field: `KEY_${n % 2}` })
      : where(n);
    const second = n % 2 === 1 && !shared ? [where(n + 2)] : [];
    return {
      name,
      destinations: [first, ...second],
      policy: usage ? { drain: { quietFor: "3s", limit: "40s", acceptNoUsageCheck: false } } : null,
      ageDays: random.chance(0.3) ? 100 : 20,
      usage,
    };
  });
}
