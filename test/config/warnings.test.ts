import { describe, expect, it } from "vitest";
import { parseConfig } from "../../config/load.ts";
import { warningsFor } from "../../config/warnings.ts";

const QUIET = `anthropic: { adminKey: env:ADMIN }
stores: { f: { type: dotenv-file, directory: ./x } }
audit: { file: ./a }
`;
const TARGET = "targets: { t: { destinations: [{ store: f, secret: .env }] } }\n";
const warned = (yaml: string) =>
  warningsFor(parseConfig(`${QUIET}${yaml}`, "k.yaml")).map(({ path, message }) => `${path}: ${message}`);

describe("a valid configuration that production would regret is warned about", () => {
  it("but not one with the defaults", () => expect(warned(TARGET)).toEqual([]));

  it.each([
    ["policy: { maxAge: 1m }", "policy.maxAge: 1m is short for production; at least 1d is advised"],
    ["policy: { gracePeriod: 23h }", "policy.gracePeriod: 23h is short for production; at least 1d is advised"],
    [
      "policy: { drain: { quietFor: 0s, acceptNoUsageCheck: true } }",
      "policy.drain.quietFor: 0s is short for production; at least 1h is advised",
    ],
    [
      "policy: { replacementWithin: 5s }",
      "policy.replacementWithin: 5s is short for production; at least 1h is advised",
    ],
    [
      "policy: { propagation: { limit: 1s } }",
      "policy.propagation.limit: 1s is short for production; at least 1m is advised",
    ],
    [
      "policy: { approval: { expiresAfter: 1s } }",
      "policy.approval.expiresAfter: 1s is short for production; at least 1h is advised",
    ],
    [
      "policy: { approval: { required: false } }",
      "policy.approval.required: false: rotations start without a person's approval",
    ],
    [
      "policy: { approval: { approvals: 2 } }",
      "policy.approval.approvals: the command line gives one approval per rotation; configure Slack or OIDC approvers",
    ],
    [
      "policy: { approval: { approvals: 3 } }\napprovers: { slack: { users: [U0123456789, U0123456780] } }",
      "policy.approval.approvals: 3 are asked for, and those listed under approvers can give 2",
    ],
    [
      "approvers: { fourEyes: true }",
      "approvers.fourEyes: needs approvers of Slack or OIDC: a terminal and a token prove no person",
    ],
    [
      "approvers: { fourEyes: true, slack: { users: [U0123456789] } }",
      "approvers.fourEyes: needs two people, and fewer are listed under approvers",
    ],
    ["redis: { url: redis://elsewhere:6379 }", "redis.url: no TLS to another host; use rediss:// or `tls`"],
    [
      "slack: { botToken: env:B, signingSecret: env:S, channel: C1 }",
      "http.publicUrl: not set: messages in Slack cannot link to Keyturn",
    ],
    ["approvers: { oidc: { subjects: [a] } }", "approvers.oidc: without signIn.oidc nobody can sign in and decide"],
  ])("%s", (yaml, warning) => expect(warned(`${TARGET}${yaml}\n`)).toEqual([warning]));

  it.each([
    "policy: { approval: { approvals: 3 } }\napprovers: { cli: ['*'], slack: { users: [U0123456789, U0123456780] } }",
    "policy: { approval: { approvals: 3 } }\napprovers: { fourEyes: true, slack: { groups: [S0123456789] } }",
    "approvers: { fourEyes: true, slack: { users: [U0123456789, U0123456780] } }",
  ])("enough people: %s", (yaml) => expect(warned(`${TARGET}${yaml}\n`)).toEqual([]));

  it("a target's own short setting is named once, and not when it only repeats the common one", () => {
    const yaml = `policy: { gracePeriod: 1h }
targets:
  t: { destinations: [{ store: f, secret: a }], policy: { maxAge: 1h } }
  u: { destinations: [{ store: f, secret: b }], policy: { gracePeriod: 1h } }
`;
    expect(warned(yaml)).toEqual([
      "policy.gracePeriod: 1h is short for production; at least 1d is advised",
      "targets.t.policy.maxAge: 1h is short for production; at least 1d is advised",
    ]);
  });

  it("nothing to rotate, plain http and a missing audit file are named", () => {
    const yaml = `anthropic: { adminKey: env:ADMIN, baseUrl: "http://127.0.0.1:1" }
stores: { s: { type: aws-secrets-manager, region: eu-central-1, endpoint: "http://127.0.0.1:2" } }
`;
    expect(warningsFor(parseConfig(yaml, "k.yaml")).map(({ path }) => path)).toEqual([
      "anthropic.baseUrl",
      "stores.s.endpoint",
      "audit.file",
      "targets",
    ]);
  });
});
