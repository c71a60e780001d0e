import type { AdminKey } from "../../ports/key-admin.ts";
import type { Reason } from "../../rotation/codes.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import { type Deps, storeOf } from "../deps.ts";
import { foreignInstall } from "../marking.ts";
import type { OutgoingKey } from "../open.ts";
import type { ReadTarget } from "./read-targets.ts";
import type { Problem } from "./report.ts";

/**
 * Everything that must be sure before a person is asked for anything (R11, R12): nobody else manages the destinations, the
 * value answers a free call, and each destination can be read, marked and staged to. null: a problem was reported.
 */
export async function prepare(
  deps: Deps,
  key: AdminKey,
  targets: readonly ReadTarget[],
  reason: Reason,
  problems: Problem[],
): Promise<OutgoingKey | null> {
  const target = targets[0]?.target.name ?? null;
  const report = (code: Problem["code"], message: string) => {
    problems.push({ code, target, message });
    return null;
  };
  const destinations = targets.flatMap((t) => t.destinations);
  for (const d of destinations) {
    const other = foreignInstall(d.marks, deps.settings.install);
    if (other !== null)
      return report(
        "managed_elsewhere",
        `installation "${other}" has an open rotation at ${describeDestination(d.dest)}`,
      );
  }
  const first = destinations[0];
  if (first === undefined) return report("destination_missing", `${key.name} is in no destination`);
  if (destinations.some((d) => d.fingerprint !== first.fingerprint)) {
    const names = targets.map((t) => t.target.name).join(", ");
    return report("destinations_disagree", `${names} hold different values that all look like ${key.name} (${key.id})`);
  }
  const answer = await deps.verifier.authenticate(first.value, {
    workspaceId: key.scope === "organization" ? key.workspaceId : null,
  });
  const where = describeDestination(first.dest);
  // A key that is not active is expected to be rejected: that is why it is replaced.
  if (reason !== "deactivated_elsewhere") {
    if (answer.verdict === "rejected")
      return report("value_rejected", `the API rejects the value at ${where}, although ${key.name} is ${key.status}`);
    if (answer.verdict === "not_permitted")
      return report("verification_inconclusive", `the API answers 403 to the value at ${where}`);
    // A limit that names the key's organization is an answer; silence is not (P12).
    if (answer.verdict === "inconclusive" && !answer.authenticated)
      return report("verification_inconclusive", `the value at ${where} could not be tried: ${answer.cause}`);
  }
  for (const d of destinations) {
    try {
      await (await storeOf(deps, d.dest)).preflight(d.dest);
    } catch (error) {
      return report("preflight_failed", `${describeDestination(d.dest)}: ${asKeyturnError(error).message}`);
    }
  }
  const owner =
    answer.verdict === "ok" || answer.verdict === "inconclusive" ? answer : { organizationId: null, workspaceId: null };
  return {
    key,
    fingerprint: first.fingerprint,
    hint: first.hint,
    organizationId: owner.organizationId,
    workspaceId: owner.workspaceId,
  };
}
