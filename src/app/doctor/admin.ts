import type { Settings } from "../../ports/settings.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { type Finding, pass, trouble, warn } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

const DAY_MS = 86_400_000;

type Organization = () => Promise<{ id: string; name: string }>;

/** Whose keys they are. That statuses can be changed cannot be tried without changing one. */
export async function checkAdmin(organization: Organization): Promise<Finding[]> {
  const { id, name } = await organization();
  return [pass("admin key", `organization ${name} (${id})`)];
}

/**
 * Whether anything can be learned of a key's use (R13), asked of the first key of the organization. Where no policy looks at
 * use, nothing is asked.
 */
export async function checkUsage({ admin, clock, settings }: Surroundings): Promise<Finding[]> {
  const name = "usage data";
  if (!looksAtUsage(settings)) return [pass(name, "not needed: no policy waits until a key is out of use")];
  const keyId = await firstKeyId(admin);
  if (keyId === null) return [pass(name, "the organization has no keys to ask about")];
  const to = Math.floor(clock.now() / DAY_MS) * DAY_MS;
  try {
    const { freshUntil, source } = await admin.usage(keyId, to - DAY_MS, to, "day");
    const what = source === "analytics" ? "the analytics endpoint" : "the legacy usage report";
    if (freshUntil !== null) return [pass(name, `${what} answers`)];
    return [
      warn(
        name,
        `${what} answers, but does not say up to when it is complete`,
        "Expect `needs attention` while draining; a person then goes on with `keyturn proceed`.",
      ),
    ];
  } catch (error) {
    const { code } = asKeyturnError(error);
    const line = trouble(name, error);
    return code === "ADMIN_DENIED"
      ? [{ ...line, fix: "Use an Admin key that may read usage; without it every drain needs `keyturn proceed`." }]
      : [line];
  }
}

const looksAtUsage = ({ targets, rules }: Settings): boolean =>
  [...targets, ...rules].some(({ policy }) => policy.drain.quietForMs > 0);

async function firstKeyId(admin: Surroundings["admin"]): Promise<string | null> {
  const stop = new AbortController();
  try {
    for await (const [first] of admin.listKeys(stop.signal)) if (first !== undefined) return first.id;
    return null;
  } finally {
    stop.abort();
  }
}

/** There is no key to ask with that is ours to use, so only the name is looked at. */
export function checkModel({ settings }: Surroundings): Finding[] {
  const { verifyModel } = settings;
  const name = "verify model";
  if (/^claude-[a-z0-9][a-z0-9.-]*$/.test(verifyModel)) return [pass(name, `${verifyModel}; its name looks right`)];
  return [
    warn(
      name,
      `${JSON.stringify(verifyModel)} does not look like the name of a model`,
      "Set anthropic.verifyModel to a model that every workspace may use, such as claude-haiku-4-5.",
    ),
  ];
}
