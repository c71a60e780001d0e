import { createHash } from "node:crypto";
import type { Replays } from "../ports/replays.ts";

/** Twice the time in which a signature is accepted. */
const REQUEST_MS = 600_000;
/** Socket Mode may bring one action in two envelopes (facts: slack.md section 6). */
const ACTION_MS = 3_600_000;
/** Redis has this long to answer, so that the person is answered in time. */
const PATIENCE_MS = 1200;

/** `unknown`: Redis did not say; nothing may be decided then. */
export type Sight = "first" | "again" | "unknown";

export interface ReplayGuard {
  /** Of a signed request: Bolt takes the same one as often as it comes. */
  request(signature: string): Promise<Sight>;
  /** Of what a person did, over whichever way it came. @param parts ids that name the deed */
  action(parts: readonly string[]): Promise<Sight>;
}

/** Remembers in Redis what was taken, so that every process of the installation knows. Never throws. */
export function createReplayGuard(replays: Replays, patienceMs = PATIENCE_MS): ReplayGuard {
  const ask = async (kind: string, text: string, forMs: number): Promise<Sight> => {
    const key = `${kind}:${createHash("sha256").update(text).digest("hex")}`;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Sight>((resolve) => {
      timer = setTimeout(() => resolve("unknown"), patienceMs);
    });
    const asked = replays.firstSight(key, forMs).then(
      (first): Sight => (first ? "first" : "again"),
      (): Sight => "unknown",
    );
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  };
  return {
    request: (signature) => ask("request", signature, REQUEST_MS),
    action: (parts) => ask("action", JSON.stringify(parts), ACTION_MS),
  };
}
