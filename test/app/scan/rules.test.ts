import { describe, expect, it } from "vitest";
import type { Unheld } from "../../../src/app/scan/keys.ts";
import { globMatches, proposedTargets } from "../../../src/app/scan/rules.ts";
import { NOON, aDestination } from "../../support/records.ts";
import { aRule } from "../../support/settings.ts";

const key = (name: string, more: Partial<Unheld> = {}): Unheld => ({
  keyId: `apikey_${name}`,
  name,
  createdAt: NOON,
  workspaceId: "wrkspc_1",
  ...more,
});
const none = new Set<string>();
const summary = (keys: Unheld[], rules = [aRule()], taken: ReadonlySet<string> = none) => {
  const { proposed, problems } = proposedTargets(rules, keys, taken);
  return [
    ...[...proposed.values()].map((p) => `${p.target.name} ${p.keyId}${p.ambiguous ? " ambiguous" : ""}`),
    ...problems.map((p) => p.code),
  ];
};

describe("a glob on a key's name", () => {
  it.each([
    ["prod-*", "prod-billing", true],
    ["prod-*", "prod-", true],
    ["prod-*", "my-prod-billing", false],
    ["prod-?", "prod-1", true],
    ["prod-?", "prod-12", false],
    ["*", "anything at all", true],
    ["a.c", "abc", false],
    ["[ab]", "a", false],
    ["[ab]", "[ab]", true],
    ["a+(b|c)$", "a+(b|c)$", true],
    ["*\\*", "a\\b", true],
    ["*", "two\nlines", true],
  ])("%s on %j: %s", (pattern, name, so) => {
    expect(globMatches(pattern, name)).toBe(so);
  });
});

describe("R22: targets of rules", () => {
  const NAME = "rule:files/anthropic/prod-billing#ANTHROPIC_API_KEY";
  it("are named after the rendered destination and keep the key's name as the required one", () => {
    const { proposed } = proposedTargets([aRule()], [key("prod-billing")], none);
    expect([...proposed.keys()]).toEqual([NAME]);
    expect(proposed.get(NAME)?.target).toMatchObject({
      requiredName: "prod-billing",
      destinations: [{ secret: "anthropic/prod-billing" }],
    });
  });
  it("match the name and the workspace", () => {
    const rule = aRule({ match: { name: "prod-*", workspace: "wrkspc_2" } });
    expect(
      summary(
        [key("prod-a"), key("prod-b", { workspaceId: "wrkspc_2" }), key("dev", { workspaceId: "wrkspc_2" })],
        [rule],
      ),
    ).toEqual(["rule:files/anthropic/prod-b#ANTHROPIC_API_KEY apikey_prod-b"]);
  });
  it.each(["../../etc/passwd", "prod key", "prod/billing", "prod.billing", "", "préd"])(
    "a key called %j makes none: unsafe_name",
    (name) => {
      expect(summary([key(name)], [aRule({ match: { name: "*", workspace: null } })])).toEqual(["unsafe_name"]);
    },
  );
  it("a thousand unsafe names are one problem", () => {
    const { problems } = proposedTargets(
      [aRule({ match: { name: null, workspace: null } })],
      Array.from({ length: 1000 }, (_, n) => key(`key ${n}`)),
      none,
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain("and 995 more");
  });
  it("an unsafe name that no rule matches is nobody's problem", () => {
    expect(summary([key("my key")])).toEqual([]);
  });
  it("a named target's destination beats rules", () => {
    const taken = new Set(["dotenv-file(directory=secrets)/anthropic/prod-billing#ANTHROPIC_API_KEY"]);
    expect(summary([key("prod-billing")], [aRule()], taken)).toEqual([]);
  });
  it("two keys that render to one destination are ambiguous", () => {
    expect(summary([key("prod-billing"), key("prod-billing", { keyId: "apikey_2" })])).toEqual([
      `${NAME} apikey_prod-billing ambiguous`,
    ]);
  });
  it("two rules that render to one destination are ambiguous", () => {
    expect(summary([key("prod-billing")], [aRule(), aRule({ match: { name: "*", workspace: null } })])).toEqual([
      `${NAME} apikey_prod-billing ambiguous`,
    ]);
  });
  it("two rules that share only their second destination are both ambiguous", () => {
    const rules = ["a/{name}", "b/{name}"].map((first) =>
      aRule({ destinations: [aDestination(first), aDestination("shared/{name}")] }),
    );
    expect(summary([key("prod-x")], rules).every((line) => line.endsWith("ambiguous"))).toBe(true);
  });
});
