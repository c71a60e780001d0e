import { describe, expect, it } from "vitest";
import { approversSchema } from "../../config/people.ts";
import { asWritten } from "../../src/slack/answers.ts";
import { userId } from "../../src/slack/heard.ts";

describe("ids of people", () => {
  it.each([
    ["U0123456789", true],
    ["W0123456789", true],
    ["U0B", true],
    ["U0", false],
    ["U_0BEN", false],
    ["u0123456789", false],
    ["S0123456789", false],
    [`U${"0".repeat(31)}`, false],
    ["@ben", false],
  ])("%s: the configuration takes exactly what a click may name (%s)", (id, taken) => {
    expect(userId.safeParse(id).success).toBe(taken);
    expect(approversSchema.safeParse({ slack: { users: [id] } }).success).toBe(taken);
    expect(JSON.stringify(asWritten(`slack:${id}`)).includes(`<@${id}>`)).toBe(taken);
  });
});
