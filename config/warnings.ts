import { isLoopback } from "./fields.ts";
import type { Path } from "./problems.ts";
import { pathText } from "./problems.ts";
import type { Config } from "./schema.ts";
import { resolvePolicy } from "./settings.ts";
import { formatDuration } from "./duration.ts";

/** Allowed, but not what a production installation wants. */
export interface Warning {
  path: string;
  message: string;
}

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** Below these a person has no time to react, or usage data (up to an hour late) cannot tell anything. */
const FLOORS = [
  { path: ["maxAge"], floor: DAY, of: (policy: ReturnType<typeof resolvePolicy>) => policy.maxAgeMs },
  { path: ["gracePeriod"], floor: DAY, of: (policy: ReturnType<typeof resolvePolicy>) => policy.gracePeriodMs },
  {
    path: ["drain", "quietFor"],
    floor: HOUR,
    of: (policy: ReturnType<typeof resolvePolicy>) => policy.drain.quietForMs,
  },
  { path: ["drain", "limit"], floor: DAY, of: (policy: ReturnType<typeof resolvePolicy>) => policy.drain.limitMs },
  {
    path: ["replacementWithin"],
    floor: HOUR,
    of: (policy: ReturnType<typeof resolvePolicy>) => policy.replacementWithinMs,
  },
  {
    path: ["propagation", "limit"],
    floor: MINUTE,
    of: (policy: ReturnType<typeof resolvePolicy>) => policy.propagationLimitMs,
  },
  {
    path: ["approval", "expiresAfter"],
    floor: HOUR,
    of: (policy: ReturnType<typeof resolvePolicy>) => policy.approval.expiresAfterMs,
  },
] as const;

/** What `config check` says about a valid configuration. Pure. */
export function warningsFor(config: Config): Warning[] {
  const warnings: Warning[] = [];
  const warn = (path: Path, message: string) => warnings.push({ path: pathText(path), message });
  warnAboutPolicies(config, warn);
  warnAboutFourEyes(config, warn);
  warnAboutConnections(config, warn);
  if (config.audit.file === undefined) {
    warn(["audit", "file"], "not set: the log is the only audit sink, and `audit verify` needs the collected logs");
  }
  if (config.slack !== undefined && config.http.publicUrl === undefined) {
    warn(["http", "publicUrl"], "not set: messages in Slack cannot link to Keyturn");
  }
  if (config.approvers.oidc !== undefined && config.signIn.oidc === undefined) {
    warn(["approvers", "oidc"], "without signIn.oidc nobody can sign in and decide");
  }
  if (Object.keys(config.targets).length === 0 && config.rules.length === 0) {
    warn(["targets"], "empty, and there are no rules: nothing will be rotated");
  }
  for (const [index, rule] of config.rules.entries()) {
    if (!rule.destinations.some((each) => each.secret.includes("{name}")) && (rule.match.name ?? "*").includes("*")) {
      warn(
        ["rules", index, "destinations"],
        "without {name} every matching key gets the same destination: at most one can match",
      );
    }
  }
  return warnings;
}

function warnAboutPolicies(config: Config, warn: (path: Path, message: string) => void): void {
  const places = [
    { at: ["policy"], policy: resolvePolicy(config, undefined) },
    ...Object.entries(config.targets)
      .filter(([, target]) => target.policy !== undefined)
      .map(([name, target]) => ({ at: ["targets", name, "policy"], policy: resolvePolicy(config, target.policy) })),
  ];
  const base = places[0]?.policy;
  for (const { at, policy } of places) {
    const isBase = at.length === 1;
    for (const { path, floor, of } of FLOORS) {
      const ms = of(policy);
      if (ms >= floor || (!isBase && base !== undefined && of(base) === ms)) continue;
      warn(
        [...at, ...path],
        `${formatDuration(ms)} is short for production; at least ${formatDuration(floor)} is advised`,
      );
    }
    if (!policy.approval.required && (isBase || base?.approval.required === true)) {
      warn([...at, "approval", "required"], "false: rotations start without a person's approval");
    }
    const { required, approvals } = policy.approval;
    const most = mostApprovals(config);
    if (!required || approvals < 2 || approvals <= most || (!isBase && base?.approval.approvals === approvals))
      continue;
    warn(
      [...at, "approval", "approvals"],
      isOnlyCli(config)
        ? "the command line gives one approval per rotation; configure Slack or OIDC approvers"
        : `${approvals} are asked for, and those listed under approvers can give ${most}`,
    );
  }
}

/** Somebody has to be able to be the second person, or every rotation ends with its deadline. */
function warnAboutFourEyes(config: Config, warn: (path: Path, message: string) => void): void {
  if (!config.approvers.fourEyes) return;
  if (isOnlyCli(config))
    warn(["approvers", "fourEyes"], "needs approvers of Slack or OIDC: a terminal and a token prove no person");
  else if (listedPeople(config) < 2)
    warn(["approvers", "fourEyes"], "needs two people, and fewer are listed under approvers");
}

/** People listed by id; a group may have any number. */
function listedPeople({ approvers: { slack, oidc } }: Config): number {
  if ((slack?.groups.length ?? 0) + (oidc?.groups.length ?? 0) > 0) return Number.POSITIVE_INFINITY;
  return (slack?.users.length ?? 0) + (oidc?.subjects.length ?? 0);
}

/** Terminals and tokens count once in all together (R21). */
function mostApprovals(config: Config): number {
  const { cli } = config.approvers;
  const tokens = Object.values(config.api.tokens).some((token) => token.scopes.includes("decide"));
  const asserted = isOnlyCli(config) || cli.length > 0 || tokens || config.signIn.token !== undefined;
  return listedPeople(config) + (asserted ? 1 : 0);
}

const isOnlyCli = ({ approvers }: Config): boolean => approvers.slack === undefined && approvers.oidc === undefined;

function warnAboutConnections(config: Config, warn: (path: Path, message: string) => void): void {
  if (config.anthropic.baseUrl.startsWith("http:"))
    warn(["anthropic", "baseUrl"], "plain http: keys travel unencrypted");
  for (const [name, store] of Object.entries(config.stores)) {
    const { endpoint, insecure } = store;
    if (typeof endpoint === "string" && endpoint.startsWith("http:")) {
      warn(["stores", name, "endpoint"], "plain http: keys travel unencrypted");
    }
    if (insecure === true) warn(["stores", name, "insecure"], "true: keys travel unencrypted");
  }
  const { url } = config.redis;
  if (url?.startsWith("redis:") === true && !isLoopback(new URL(url).hostname) && config.redis.tls !== true) {
    warn(["redis", "url"], "no TLS to another host; use rediss:// or `tls`");
  }
}
