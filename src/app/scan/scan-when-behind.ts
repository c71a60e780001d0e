import { isBehind } from "../../rotation/behind.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { State } from "../../rotation/states.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import type { Deps } from "../deps.ts";
import { openRotations } from "../find.ts";

/** Between two scans that did not help, doubled each time up to the longest (milliseconds). */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 60 * 60_000;

/** What seems to be others' doing may be this rotation's own, of a life of it that Redis has forgotten; marks go with its end. */
const mayBeBehind = ({ attention, state }: Rotation): boolean =>
  (attention?.code === "destination_changed" || attention?.code === "outgoing_dead") &&
  BEFORE_PROPAGATING.includes(state);
const BEFORE_PROPAGATING: readonly State[] = ["awaiting_replacement", "verifying", "promoting"];

/**
 * A rotation whose record is older than the audit sink or its marks does nothing until a scan rebuilds it (R16, P8), and the
 * schedule's next one may be days away. This asks for one at once, and less and less often for those that it did not help.
 * @param scan one whole scan; throws LOCK_HELD while another process scans
 */
export function createScanWhenBehind(
  deps: Pick<Deps, "rotations" | "clock" | "log">,
  scan: () => Promise<unknown>,
): { look(): Promise<boolean> } {
  let notBefore = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let before = new Set<string>();
  return {
    /** @returns whether it scanned. @throws what Redis and the scan throw; looking again is safe */
    look: async () => {
      const behind = (await openRotations(deps)).filter((r) => isBehind(r) || mayBeBehind(r));
      // One that no scan can help must not keep others waiting.
      const isNew = behind.some(({ id }) => !before.has(id));
      before = new Set(behind.map(({ id }) => id));
      if (isNew || behind.length === 0) pauseMs = FIRST_PAUSE_MS;
      const now = deps.clock.now();
      if (behind.length === 0 || (!isNew && now < notBefore)) return false;
      notBefore = now + pauseMs;
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      deps.log.warn(
        { event: "scan.behind", count: behind.length },
        "Redis is, or may be, older than the audit log or the marks: a scan rebuilds what is open",
      );
      try {
        await scan();
        return true;
      } catch (error) {
        // Whoever scans rebuilds it as well.
        if (asKeyturnError(error).code === "LOCK_HELD") return false;
        throw error;
      }
    },
  };
}
