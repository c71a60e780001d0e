import { expect, it } from "vitest";
import { parse } from "yaml";
import { hurriedRules } from "./hurried.ts";
import { RULES, type Rule } from "./rules.ts";

const hurried = (parse(hurriedRules()) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

it("hurrying changes times and nothing else", () => {
  const without = (rule: Rule) => ({ ...rule, for: "", expr: rule.expr.replaceAll(/\d[\d.]*(?: \* \d+)?/g, "N") });
  expect(hurried.map(without)).toEqual(RULES.map(without));
});

it("an hour is six seconds", () => {
  const stuck = hurried.find((rule) => rule.alert === "KeyturnRotationStuck");
  expect([stuck?.for, stuck?.expr]).toEqual(["500ms", expect.stringContaining("> 6\n")]);
  const overdue = hurried.filter((rule) => rule.alert === "KeyturnKeyOverdue").map((rule) => rule.expr);
  expect(overdue).toEqual([expect.stringContaining("> 432\n"), expect.stringContaining("> 1440\n")]);
});
