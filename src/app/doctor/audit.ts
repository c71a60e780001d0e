import type { Clock } from "../../ports/clock.ts";
import { type Finding, fail, pass, warn } from "./finding.ts";
import { CHECK_MS, LATE, within } from "./run-checks.ts";
import type { Surroundings } from "./surroundings.ts";

/** Whether evidence can be written outside Redis, and whether what is there is whole (R18). */
export async function checkAudit({ audit, clock }: Pick<Surroundings, "audit" | "clock">): Promise<Finding[]> {
  const { file } = audit;
  if (file === null)
    return [
      audit.log
        ? warn(
            "audit file",
            "not set: the log lines are the only sink",
            "Set audit.file on a volume, or collect the log and check it with `keyturn audit verify --from <file>`.",
          )
        : fail("audit file", "not set, and audit.log is false: there is no sink", "Set audit.file or audit.log."),
    ];
  const { exists } = await audit.writable();
  if (!exists) return [await unborn(audit, file)];
  return [pass("audit file", `${file} can be appended to`), await chainOf(audit, clock)];
}

/** No file: a new installation, or records that are elsewhere. */
async function unborn(audit: Surroundings["audit"], file: string): Promise<Finding> {
  const head = await audit.head().catch(() => null);
  if (head === null) return pass("audit file", `${file} can be made; it has no records yet`);
  return warn(
    "audit file",
    `${file} does not exist here, although the chain has records up to ${head}`,
    "Run this where `serve` runs, on the same volume; if the file was lost, restore it: docs/recovery.md.",
  );
}

/** Leaves room for the line above within the check's own time. */
const VERIFY_MS = CHECK_MS - 1000;

async function chainOf(audit: Surroundings["audit"], clock: Clock): Promise<Finding> {
  const name = "audit chain";
  const verdict = await within(VERIFY_MS, clock, audit.verify());
  if (verdict === LATE)
    return warn(
      name,
      `too long to check in ${VERIFY_MS / 1000} s`,
      "Run `keyturn audit verify`, which takes its time.",
    );
  if (!verdict.intact) {
    const { epoch, seq } = verdict.firstBad;
    return fail(
      name,
      `broken at record ${seq} (epoch ${epoch}): ${verdict.why}`,
      "Keep a copy of the file and compare it with an anchor: docs/audit.md, `keyturn audit verify`.",
    );
  }
  const { entries, head, unshippedTail, tornLines = 0, source } = verdict;
  const said = `intact: ${entries} records, head ${head?.seq ?? "none"} (${source})`;
  if (unshippedTail > 0)
    return warn(
      name,
      `${said}; ${unshippedTail} records that a later epoch did not know of`,
      "Redis was lost or restored: read docs/recovery.md.",
    );
  if (tornLines > 0)
    return warn(name, `${said}; ${tornLines} lines were cut short by a crash`, "Nothing, if a crash is known.");
  return pass(name, said);
}
