import type { Policy, Settings } from "../src/ports/settings.ts";
import type { Destination } from "../src/rotation/record.ts";
import { STORES } from "../src/stores/index.ts";
import type { Config } from "./schema.ts";
import { storeOptions } from "./stores.ts";

type TargetPolicy = NonNullable<Config["targets"][string]["policy"]>;
type DestinationConfig = Config["targets"][string]["destinations"][number];

/** Stores whose secrets always have fields; in the others no field means the whole value. */
const DEFAULT_FIELD: Record<string, string> = {
  "dotenv-file": "ANTHROPIC_API_KEY",
  "hashicorp-vault": "ANTHROPIC_API_KEY",
};

/** The configuration as the use cases see it. Pure. @param configFile named in messages */
export function toSettings(config: Config, configFile: string): Settings {
  return {
    install: config.install,
    verifyModel: config.anthropic.verifyModel,
    maxOpenRotations: config.policy.maxOpenRotations,
    targets: Object.entries(config.targets).map(([name, target]) => ({
      name,
      destinations: resolveAll(config, target.destinations),
      policy: resolvePolicy(config, target.policy),
      keyId: target.key?.id ?? null,
    })),
    rules: config.rules.map((rule) => ({
      match: { name: rule.match.name ?? null, workspace: rule.match.workspace ?? null },
      destinations: resolveAll(config, rule.destinations),
      policy: resolvePolicy(config, rule.policy),
    })),
    holds: config.holds,
    approvers: {
      cli: cliApprovers(config),
      slack: config.approvers.slack ?? { users: [], groups: [] },
      oidc: config.approvers.oidc ?? { subjects: [], groups: [] },
      fourEyes: config.approvers.fourEyes,
    },
    publicUrl: config.http.publicUrl?.replace(/\/$/, "") ?? null,
    linksNeedSignIn: config.signIn.oidc !== undefined && config.http.publicUrl !== undefined,
    configFile,
  };
}

/** An empty list means nobody only when people can decide in another way (R21). */
function cliApprovers({ approvers }: Config): string[] {
  if (approvers.cli.length > 0) return approvers.cli;
  return approvers.slack === undefined && approvers.oidc === undefined ? ["*"] : [];
}

/** `policy`, with what the target says instead. */
export function resolvePolicy({ policy }: Config, own: TargetPolicy | undefined): Policy {
  return {
    maxAgeMs: own?.maxAge ?? policy.maxAge,
    gracePeriodMs: own?.gracePeriod ?? policy.gracePeriod,
    drain: {
      quietForMs: own?.drain?.quietFor ?? policy.drain.quietFor,
      limitMs: own?.drain?.limit ?? policy.drain.limit,
      acceptNoUsageCheck: own?.drain?.acceptNoUsageCheck ?? policy.drain.acceptNoUsageCheck,
    },
    replacementWithinMs: own?.replacementWithin ?? policy.replacementWithin,
    propagationLimitMs: own?.propagation?.limit ?? policy.propagation.limit,
    approval: {
      required: own?.approval?.required ?? policy.approval.required,
      approvals: own?.approval?.approvals ?? policy.approval.approvals,
      expiresAfterMs: own?.approval?.expiresAfter ?? policy.approval.expiresAfter,
    },
  };
}

function resolveAll(config: Config, destinations: readonly DestinationConfig[]): Destination[] {
  return destinations.map((each) => resolveDestination(config, each)).filter((each) => each !== null);
}

/** Null only for a store that is not configured, which `checkConfig` has reported by then. */
export function resolveDestination(config: Config, { store, secret, field }: DestinationConfig): Destination | null {
  const entry = config.stores[store];
  const kind = entry === undefined ? undefined : STORES[entry.type];
  if (entry === undefined || kind === undefined) return null;
  const location = kind.location(storeOptions(entry));
  return { store, type: entry.type, location, secret, field: field ?? DEFAULT_FIELD[entry.type] ?? null };
}
