import { describe, expect, it } from "vitest";
import { areTwoPeople, lacksFourEyes } from "../../src/app/four-eyes.ts";
import type { Approval } from "../../src/rotation/record.ts";
import { someApprovers } from "../support/settings.ts";

const approval = (via: Approval["via"], ...identities: string[]): Approval => ({
  actor: identities[0] ?? "",
  via,
  at: 0,
  planHash: "p",
  breakGlass: false,
  identities,
});
const BEN = approval("slack", "slack:U1", "mail:ben@x");
const settings = { approvers: someApprovers({ fourEyes: true }) };
const lacks = (approvals: Approval[], people: string[][] | null) =>
  lacksFourEyes(settings, { reason: "age", approvals }, people);

describe("R21: what cannot be compared counts as the same person", () => {
  it.each([
    { one: ["slack:U1"], other: ["slack:U2"], two: true },
    { one: ["slack:U1"], other: ["slack:U1"], two: false },
    { one: ["slack:U1"], other: ["oidc:ben"], two: false },
    { one: ["slack:U1", "mail:ben@x"], other: ["oidc:ben"], two: false },
    { one: ["slack:U1", "mail:ben@x"], other: ["oidc:ben", "mail:ben@x"], two: false },
    { one: ["slack:U1", "mail:ben@x"], other: ["oidc:eve", "mail:eve@x"], two: true },
    { one: ["slack:U1", "mail:ben@x"], other: ["slack:U2", "mail:ben@x"], two: false },
    { one: ["slack:U1"], other: ["cli:ben@desk"], two: false },
    { one: ["cli:ana@desk"], other: ["cli:ben@desk"], two: false },
    { one: ["slack:U1"], other: ["user_01"], two: false },
    { one: ["slack:U1"], other: [], two: false },
  ])("$one and $other: surely two people: $two", ({ one, other, two }) => {
    expect([areTwoPeople(one, other), areTwoPeople(other, one)]).toEqual([two, two]);
  });
});

describe("R21: what four eyes still ask for", () => {
  it.each([
    { when: "nothing is handed over yet", approvals: [BEN], people: null, asks: false },
    { when: "only a terminal approved", approvals: [approval("cli", "cli:ana@desk")], people: null, asks: true },
    { when: "only a token approved", approvals: [approval("api", "api:ci")], people: null, asks: true },
    { when: "another in Slack submits", approvals: [BEN], people: [["slack:U2"]], asks: false },
    { when: "… but the approver made the key", approvals: [BEN], people: [["slack:U2"], ["mail:ben@x"]], asks: true },
    { when: "… and somebody else made it", approvals: [BEN], people: [["slack:U2"], ["mail:eve@x"]], asks: false },
    { when: "a terminal submits", approvals: [BEN], people: [["cli:ana@desk"]], asks: true },
    { when: "nobody known submits", approvals: [BEN], people: [[]], asks: true },
    { when: "two people approved", approvals: [BEN, approval("slack", "slack:U2")], people: [[]], asks: false },
    {
      when: "perhaps one person approved twice",
      approvals: [BEN, approval("oidc", "oidc:b")],
      people: [[]],
      asks: true,
    },
    { when: "the second is a terminal", approvals: [BEN, approval("cli", "cli:a@b")], people: [[]], asks: true },
    { when: "a glass was broken", approvals: [{ ...BEN, breakGlass: true }], people: [["slack:U1"]], asks: false },
  ])("$when: asks for more: $asks", ({ approvals, people, asks }) => {
    expect(lacks(approvals, people)).toBe(asks);
  });
});
