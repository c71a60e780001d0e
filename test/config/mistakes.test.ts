import { describe, expect, it } from "vitest";
import { parseConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problems.ts";
import { makeAdminKey, makeKey } from "../support/keys.ts";

const ADMIN = "anthropic: { adminKey: env:ADMIN }";
const STORE = "stores: { files: { directory: ./x, type: dotenv-file } }";
const DURATION_HELP = "is not a duration; write whole numbers with units, largest first, such as 90d, 24h or 1d12h";
const REFERENCE_HELP = "must be a reference: env:NAME or file:/path, never the secret itself";
const HTTPS_HELP = "must start with https:// (http:// only for this machine: localhost, 127.0.0.1, [::1])";
const IN_FILE = "a key or token stands in the file; remove it, revoke it, and write env:NAME or file:/path instead";

/** Each mistake with everything a person is told: line, column, path, sentence. */
const MISTAKES: readonly { mistake: string; yaml: string; told: readonly string[] }[] = [
  {
    mistake: "an empty file",
    yaml: "",
    told: ["k.yaml  is empty; start from config/keyturn.example.yaml"],
  },
  {
    mistake: "only comments",
    yaml: "# nothing yet\n",
    told: ["k.yaml  is empty; start from config/keyturn.example.yaml"],
  },
  {
    mistake: "a list instead of a mapping",
    yaml: "- a\n- b\n",
    told: ["k.yaml  must be a mapping (lines of `key: value`); start from config/keyturn.example.yaml"],
  },
  {
    mistake: "traces to an address that is none",
    yaml: `${ADMIN}\ntracing: { endpoint: otel-collector }\n`,
    told: ["k.yaml:2:12  tracing.endpoint: must be an address such as http://otel-collector:4318"],
  },
  {
    mistake: "traces with a password in the address",
    yaml: `${ADMIN}\ntracing: { endpoint: "https://me:pw@collector.example" }\n`,
    told: ["k.yaml:2:12  tracing.endpoint: must not contain a user name or password; use `headers`"],
  },
  {
    mistake: "traces whose headers would be sent in clear",
    yaml: `${ADMIN}\ntracing: { endpoint: "http://otel-collector:4318", headers: { authorization: env:OTLP } }\n`,
    told: [
      "k.yaml:2:12  tracing.endpoint: must start with https:// when there are `headers`: they would be sent in clear",
    ],
  },
  {
    mistake: "a header of traces as it is",
    yaml: `${ADMIN}\ntracing: { endpoint: "https://collector.example", headers: { authorization: my-token } }\n`,
    told: [`k.yaml:2:62  tracing.headers.authorization: ${REFERENCE_HELP}`],
  },
  {
    mistake: "more than all steps traced",
    yaml: `${ADMIN}\ntracing: { endpoint: "https://collector.example", sampleRatio: 2 }\n`,
    told: ["k.yaml:2:51  tracing.sampleRatio: must be at most 1"],
  },
  {
    mistake: "no Admin key",
    yaml: "install: a\n",
    told: ["k.yaml:1:1  anthropic: is missing"],
  },
  {
    mistake: "no Admin key in its section",
    yaml: "anthropic: { verifyModel: m }\n",
    told: ["k.yaml:1:1  anthropic.adminKey: is missing; write env:NAME or file:/path"],
  },
  {
    mistake: "a tab for indentation",
    yaml: "anthropic:\n\tadminKey: env:A\n",
    told: ["k.yaml:2:1  a tab is used for indentation; YAML wants spaces"],
  },
  {
    mistake: "the same key twice",
    yaml: `${ADMIN}\ninstall: a\ninstall: b\n`,
    told: ["k.yaml:3:1  the same key appears twice in one mapping; keep one"],
  },
  {
    mistake: "two documents",
    yaml: `${ADMIN}\n---\ninstall: a\n`,
    told: ["k.yaml:2:1  the file has more than one document; remove the `---` between them"],
  },
  {
    mistake: "an alias without its anchor",
    yaml: `${ADMIN}\npolicy: *shared\n`,
    told: ["k.yaml:1:1  an alias (*name) has no anchor (&name), or there are too many aliases"],
  },
  {
    mistake: "an unknown section",
    yaml: `${ADMIN}\npolcy: {}\n`,
    told: ["k.yaml:2:1  polcy: is not a known key; did you mean `policy`?"],
  },
  {
    mistake: "an unknown key that resembles nothing",
    yaml: `${ADMIN}\nschedule: { banana: 1 }\n`,
    told: ["k.yaml:2:13  schedule.banana: is not a known key; known: mode, scan, timeZone"],
  },
  {
    mistake: "an unknown option of a store",
    yaml: `${ADMIN}\nstores: { a: { type: dotenv-file, directry: x, directory: y } }\n`,
    told: ["k.yaml:2:35  stores.a.directry: is not a known key; did you mean `directory`?"],
  },
  {
    mistake: "a number without a unit",
    yaml: `${ADMIN}\npolicy: { maxAge: 90 }\n`,
    told: ["k.yaml:2:11  policy.maxAge: 90 has no unit; write 90d for days (units: w, d, h, m, s, ms)"],
  },
  {
    mistake: "a number without a unit, in quotes",
    yaml: `${ADMIN}\npolicy: { maxAge: "90" }\n`,
    told: ["k.yaml:2:11  policy.maxAge: 90 has no unit; write 90d for days (units: w, d, h, m, s, ms)"],
  },
  {
    mistake: "a duration in words",
    yaml: `${ADMIN}\npolicy: { gracePeriod: 7 days }\n`,
    told: [`k.yaml:2:11  policy.gracePeriod: ${DURATION_HELP}`],
  },
  {
    mistake: "a drain without a usage check, unsaid",
    yaml: `${ADMIN}\npolicy: { drain: { quietFor: 0s } }\n`,
    told: [
      "k.yaml:2:20  policy.drain.quietFor: 0s deactivates a key without checking that it is unused; to accept that, add `acceptNoUsageCheck: true`",
    ],
  },
  {
    mistake: "a drain that can never be reached",
    yaml: `${ADMIN}\npolicy: { drain: { quietFor: 8d } }\n`,
    told: ["k.yaml:2:20  policy.drain.quietFor: 8d is longer than drain.limit (7d), so nothing could ever drain"],
  },
  {
    mistake: "a target's drain that does not fit the common limit",
    yaml: `${ADMIN}\n${STORE}\ntargets: { t: { destinations: [{ store: files, secret: .env }], policy: { drain: { quietFor: 30d } } } }\n`,
    told: [
      "k.yaml:3:84  targets.t.policy.drain.quietFor: 30d is longer than drain.limit (7d), so nothing could ever drain",
    ],
  },
  {
    mistake: "zero approvals although approval is required",
    yaml: `${ADMIN}\npolicy: { approval: { approvals: 0 } }\n`,
    told: ["k.yaml:2:23  policy.approval.approvals: must be at least 1, or set `required: false`"],
  },
  {
    mistake: "no rotation may be open",
    yaml: `${ADMIN}\npolicy: { maxOpenRotations: 0 }\n`,
    told: ["k.yaml:2:11  policy.maxOpenRotations: must be at least 1"],
  },
  {
    mistake: "a text where true or false belongs",
    yaml: `${ADMIN}\naudit: { log: "yes" }\n`,
    told: ["k.yaml:2:10  audit.log: must be true or false, not a text"],
  },
  {
    mistake: "no audit sink at all",
    yaml: `${ADMIN}\naudit: { log: false }\n`,
    told: ["k.yaml:2:10  audit.log: without a file the log is the only audit sink; set `log: true` or name a `file`"],
  },
  {
    mistake: "an Admin key that is no reference",
    yaml: "anthropic: { adminKey: hunter2 }\n",
    told: [`k.yaml:1:14  anthropic.adminKey: ${REFERENCE_HELP}`],
  },
  {
    mistake: "plain http to another host",
    yaml: "anthropic: { adminKey: env:A, baseUrl: http://proxy.example }\n",
    told: [`k.yaml:1:31  anthropic.baseUrl: ${HTTPS_HELP}`],
  },
  {
    mistake: "credentials in an address",
    yaml: "anthropic: { adminKey: env:A, baseUrl: https://u:p@proxy.example }\n",
    told: ["k.yaml:1:31  anthropic.baseUrl: must not contain a user name or password"],
  },
  {
    mistake: "a public address with a path",
    yaml: `${ADMIN}\nhttp: { publicUrl: https://example.com/keyturn }\n`,
    told: ["k.yaml:2:9  http.publicUrl: must not have a path: the pages and Slack's addresses begin at the root"],
  },
  {
    mistake: "Slack without a way for clicks to come in",
    yaml: `${ADMIN}\nslack: { botToken: env:B, channel: C1 }\n`,
    told: ["k.yaml:2:1  slack: needs signingSecret (clicks over HTTP) or appToken (clicks over Socket Mode)"],
  },
  {
    mistake: "a channel of a target without Slack",
    yaml: `${ADMIN}\nstores: { f: { type: dotenv-file, directory: . } }\ntargets: { t: { channel: C1, destinations: [{ store: f, secret: a }] } }\n`,
    told: ["k.yaml:3:17  targets.t.channel: has no meaning without a `slack` section"],
  },
  {
    mistake: "signing in without an address to come back to",
    yaml: `${ADMIN}\nsignIn: { oidc: { issuer: https://login.example, clientId: k } }\n`,
    told: ["k.yaml:2:11  signIn.oidc: needs http.publicUrl, the address that the issuer sends people back to"],
  },
  {
    mistake: "a public address without TLS",
    yaml: `${ADMIN}\nhttp: { publicUrl: http://keyturn.example }\n`,
    told: [`k.yaml:2:9  http.publicUrl: ${HTTPS_HELP}`],
  },
  {
    mistake: "a password in the address of Redis",
    yaml: `${ADMIN}\nredis: { url: "redis://:hunter2@redis:6379" }\n`,
    told: [
      "k.yaml:2:10  redis.url: must not contain a password; write `password: env:NAME` beside it, or give the whole address as env:NAME",
    ],
  },
  {
    mistake: "two ways to reach Redis",
    yaml: `${ADMIN}\nredis: { url: "redis://a:1", embedded: ./data }\n`,
    told: ["k.yaml:2:1  redis: has url and embedded; keep one of them"],
  },
  {
    mistake: "a Sentinel without a port",
    yaml: `${ADMIN}\nredis: { sentinels: { master: m, nodes: [redis-1] } }\n`,
    told: ["k.yaml:2:42  redis.sentinels.nodes[0]: must be host:port, such as redis-1:6379"],
  },
  {
    mistake: "an unknown way to scan",
    yaml: `${ADMIN}\nschedule: { mode: cron }\n`,
    told: [
      "k.yaml:2:13  schedule.mode: must be embedded (`serve` scans) or cronjob (somebody else runs `keyturn scan`)",
    ],
  },
  {
    mistake: "a schedule in words",
    yaml: `${ADMIN}\nschedule: { scan: every morning }\n`,
    told: [
      'k.yaml:2:13  schedule.scan: is not a cron expression; five fields such as "0 9 * * 1-5" (9:00, Monday to Friday)',
    ],
  },
  {
    mistake: "an unknown time zone",
    yaml: `${ADMIN}\nschedule: { timeZone: Mars/Base }\n`,
    told: [
      "k.yaml:2:13  schedule.timeZone: Mars/Base is not an IANA time zone; write one such as UTC or Europe/Berlin",
    ],
  },
  {
    mistake: "a misspelt type of store",
    yaml: `${ADMIN}\nstores: { a: { type: aws-secret-manager, region: eu-central-1 } }\n`,
    told: ["k.yaml:2:16  stores.a.type: has the unknown type aws-secret-manager; did you mean `aws-secrets-manager`?"],
  },
  {
    mistake: "a required option of a store left out",
    yaml: `${ADMIN}\nstores: { a: { type: dotenv-file } }\n`,
    told: ["k.yaml:2:11  stores.a.directory: is missing"],
  },
  {
    mistake: "an unknown store",
    yaml: `${ADMIN}\n${STORE}\ntargets: { t: { destinations: [{ store: file, secret: .env }] } }\n`,
    told: ["k.yaml:3:34  targets.t.destinations[0].store: file is not a store under `stores`; did you mean `files`?"],
  },
  {
    mistake: "a target without destinations",
    yaml: `${ADMIN}\ntargets: { t: { destinations: [] } }\n`,
    told: ["k.yaml:2:17  targets.t.destinations: must have at least one entry"],
  },
  {
    mistake: "a target with nothing",
    yaml: `${ADMIN}\ntargets: { t: {} }\n`,
    told: ["k.yaml:2:12  targets.t.destinations: is missing"],
  },
  {
    mistake: "R1: one place in two targets",
    yaml: `${ADMIN}\n${STORE}\ntargets:\n  a: { destinations: [{ store: files, secret: .env }] }\n  b: { destinations: [{ store: files, secret: .env }] }\n`,
    told: [
      "k.yaml:5:23  targets.b.destinations[0]: the same store, secret and field are also in target a; name each place once",
    ],
  },
  {
    mistake: "R1: one place under two names of a store",
    yaml: `${ADMIN}\nstores:\n  x: { type: dotenv-file, directory: ./env }\n  y: { type: dotenv-file, directory: env }\ntargets:\n  a: { destinations: [{ store: x, secret: .env }] }\n  b: { destinations: [{ store: y, secret: .env }] }\n`,
    told: [
      "k.yaml:7:23  targets.b.destinations[0]: the same store, secret and field are also in target a; name each place once",
    ],
  },
  {
    mistake: "R1: a field, and the whole value around it",
    yaml: `${ADMIN}\nstores: { s: { type: aws-secrets-manager, region: eu-central-1 } }\ntargets:\n  a: { destinations: [{ store: s, secret: p, field: KEY }] }\n  b: { destinations: [{ store: s, secret: p }] }\n`,
    told: [
      "k.yaml:5:23  targets.b.destinations[0]: a part of the same value is also in target a; name each place once",
    ],
  },
  {
    mistake: "consumers",
    yaml: `${ADMIN}\n${STORE}\ntargets: { t: { destinations: [{ store: files, secret: .env }], consumers: [{ webhook: x }] } }\n`,
    told: [
      "k.yaml:3:65  targets.t.consumers: consumers (kubernetesRestart, webhook) are not available in this version; leave the list empty",
    ],
  },
  {
    mistake: "a rule that matches by nothing",
    yaml: `${ADMIN}\n${STORE}\nrules: [{ match: {}, destinations: [{ store: files, secret: "{name}" }] }]\n`,
    told: ['k.yaml:3:11  rules[0].match: needs a `name` or a `workspace`; `name: "*"` matches every key'],
  },
  {
    mistake: "a rule with an unknown placeholder",
    yaml: `${ADMIN}\n${STORE}\nrules: [{ match: { name: "*" }, destinations: [{ store: files, secret: "{nmae}" }] }]\n`,
    told: ["k.yaml:3:64  rules[0].destinations[0].secret: {nmae} is not known here; only {name} is replaced"],
  },
  {
    mistake: "a hold on something unknown",
    yaml: `${ADMIN}\n${STORE}\ntargets: { billing: { destinations: [{ store: files, secret: .env }] } }\nholds: [biling]\n`,
    told: ["k.yaml:4:9  holds[0]: biling is neither a key id (apikey_…) nor a target; did you mean `billing`?"],
  },
  {
    mistake: "a CLI approver without a host",
    yaml: `${ADMIN}\napprovers: { cli: [alice] }\n`,
    told: ["k.yaml:2:20  approvers.cli[0]: must be user@host or *"],
  },
  {
    mistake: "a Slack channel by name",
    yaml: `${ADMIN}\nslack: { botToken: env:B, signingSecret: env:S, channel: "#ops" }\n`,
    told: ["k.yaml:2:49  slack.channel: must be a channel id such as C0123456789, not its name"],
  },
  {
    mistake: "one port for two servers",
    yaml: `${ADMIN}\nhttp: { port: 9090 }\n`,
    told: ["k.yaml:2:1  http.metricsPort: must differ from http.port"],
  },
  {
    mistake: "a key in a value",
    yaml: `anthropic: { adminKey: "${makeAdminKey("m")}" }\n`,
    told: [`k.yaml:1:25  ${IN_FILE}`],
  },
  {
    mistake: "a key in a comment",
    yaml: `${ADMIN}\n# old: ${makeKey("m")}\n`,
    told: [`k.yaml:2:8  ${IN_FILE}`],
  },
  {
    mistake: "a key in a value, beside other mistakes",
    yaml: `anthropic: { verifyModle: x, adminKey: "${makeAdminKey("m")}" }\nredis: { url: 5 }\ninstal: a\n`,
    told: [
      "k.yaml:1:14  anthropic.verifyModle: is not a known key; did you mean `verifyModel`?",
      `k.yaml:1:41  ${IN_FILE}`,
      "k.yaml:2:10  redis.url: must be a text, not the number 5",
      "k.yaml:3:1  instal: is not a known key; did you mean `install`?",
    ],
  },
  {
    mistake: "a key as the name of a setting",
    yaml: `${ADMIN}\n${makeKey("m")}: 1\n`,
    told: [`k.yaml:2:1  ${IN_FILE}`],
  },
];

function problemsOf(yaml: string): ConfigError {
  try {
    parseConfig(yaml, "k.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("each mistake in a configuration is named with its place and what to do", () => {
  it.each(MISTAKES)("$mistake", ({ yaml, told }) => {
    const error = problemsOf(yaml);
    const [, ...lines] = error.message.split("\n").map((line) => line.trim());
    expect(lines).toEqual(told);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exit: 78 });
  });

  it.each(["vault", "ssm", "azure", "kubernetes"])("a store of a later version (%s) is named as such", (which) => {
    const type = {
      vault: "hashicorp-vault",
      ssm: "aws-ssm-parameter-store",
      azure: "azure-key-vault",
      kubernetes: "kubernetes-secret",
    }[which];
    expect(problemsOf(`${ADMIN}\nstores: { a: { type: ${type} } }\n`).message).toContain(
      `stores.a.type: has type ${type}, which is not available in this version; available: dotenv-file`,
    );
  });

  it("reports mistakes of every kind together, in the order of the file", () => {
    const error = problemsOf(
      [
        ADMIN,
        "policy: { maxAge: 90, gracePeroid: 7d, drain: { quietFor: 0s } }",
        "stores: { a: { type: dotenv-fil, directory: x }, b: { type: dotenv-file, directory: y } }",
        "targets:",
        "  one: { destinations: [{ store: a, secret: .env }] }",
        "  two: { destinations: [{ store: c, secret: .env }] }",
        "schedule: { scan: never }",
      ].join("\n"),
    );
    expect(error.problems.map(({ path }) => path)).toEqual([
      "policy.maxAge",
      "policy.gracePeroid",
      "policy.drain.quietFor",
      "stores.a.type",
      "targets.two.destinations[0].store",
      "schedule.scan",
    ]);
  });

  it("P3: a key in the file is never quoted, wherever it stands", () => {
    const key = makeKey("canary");
    const places = [
      `anthropic: { adminKey: ${key} }`,
      `${ADMIN}\npolicy: { maxAge: ${key} }`,
      `${ADMIN}\n${key}: x`,
      `${ADMIN}\ntargets: { ${key}: {} }`,
      `${ADMIN}\nholds: [${key}]`,
      `${ADMIN}\ninstall: "${key}\nx: [`,
    ];
    for (const yaml of places) {
      const error = problemsOf(yaml);
      expect(`${error.message}${error.next}${error.stack}${JSON.stringify(error.problems)}`).not.toContain(
        key.slice(16, 30),
      );
    }
  });
});
