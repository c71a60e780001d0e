import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../config/load.ts";
import { toSettings } from "../../config/settings.ts";

const settingsOf = (yaml: string) =>
  toSettings(parseConfig(`anthropic: { adminKey: env:ADMIN }\n${yaml}\n`, "k.yaml"), "k.yaml");

const STORES =
  "stores: { files: { type: dotenv-file, directory: ./env }, aws: { type: aws-secrets-manager, region: eu-central-1, endpoint: http://127.0.0.1:5 } }";

describe("the settings of the use cases", () => {
  it("resolve destinations: type, location, and the field's default by type of store", () => {
    const { targets } = settingsOf(
      `${STORES}\ntargets: { t: { destinations: [{ store: files, secret: .env }, { store: aws, secret: p }, { store: aws, secret: q, field: K }] } }`,
    );
    const aws = { type: "aws-secrets-manager", location: { region: "eu-central-1", endpoint: "http://127.0.0.1:5" } };
    expect(targets[0]?.destinations).toEqual([
      {
        store: "files",
        type: "dotenv-file",
        location: { directory: resolve("env") },
        secret: ".env",
        field: "ANTHROPIC_API_KEY",
      },
      { store: "aws", ...aws, secret: "p", field: null },
      { store: "aws", ...aws, secret: "q", field: "K" },
    ]);
  });

  it("take each single setting from the target, else from `policy`", () => {
    const { targets, rules } = settingsOf(
      `${STORES}
policy: { maxAge: 60d, drain: { quietFor: 2h } }
targets: { t: { destinations: [{ store: files, secret: .env }], policy: { drain: { limit: 3d }, approval: { required: false } } } }
rules: [{ match: { name: "prod-*", workspace: wrkspc_1 }, destinations: [{ store: aws, secret: "a/{name}" }], policy: { maxAge: 1d } }]`,
    );
    expect(targets[0]?.policy).toEqual({
      maxAgeMs: 60 * 86_400_000,
      gracePeriodMs: 7 * 86_400_000,
      drain: { quietForMs: 7_200_000, limitMs: 3 * 86_400_000, acceptNoUsageCheck: false },
      replacementWithinMs: 7 * 86_400_000,
      propagationLimitMs: 3_600_000,
      approval: { required: false, approvals: 1, expiresAfterMs: 3 * 86_400_000 },
    });
    expect(rules[0]).toMatchObject({
      match: { name: "prod-*", workspace: "wrkspc_1" },
      destinations: [{ secret: "a/{name}", field: null }],
      policy: { maxAgeMs: 86_400_000, drain: { quietForMs: 7_200_000 } },
    });
  });

  it("name the key in use when the target does", () => {
    const yaml = `${STORES}\ntargets: { t: { destinations: [{ store: files, secret: .env }], key: { id: apikey_1 } }, u: { destinations: [{ store: files, secret: u }] } }`;
    expect(settingsOf(yaml).targets.map(({ keyId }) => keyId)).toEqual(["apikey_1", null]);
  });

  it.each([
    { when: "R21: without a block everybody decides on the CLI", yaml: "", cli: ["*"] },
    {
      when: "R21: an empty list means nobody when Slack decides",
      yaml: "approvers: { slack: { users: [U0BEN] } }",
      cli: [],
    },
    {
      when: "R21: an empty list means nobody when OIDC decides",
      yaml: "approvers: { oidc: { subjects: [a] }, cli: [] }",
      cli: [],
    },
    {
      when: "R21: an empty list means everybody when no other way is there",
      yaml: "approvers: { cli: [] }",
      cli: ["*"],
    },
    { when: "R21: a list is taken as it is", yaml: "approvers: { slack: {}, cli: [a@b] }", cli: ["a@b"] },
  ])("$when", ({ yaml, cli }) => expect(settingsOf(yaml).approvers.cli).toEqual(cli));
});
