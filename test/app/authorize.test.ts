import { describe, expect, it } from "vitest";
import { authorize } from "../../src/app/authorize.ts";
import { someApprovers } from "../support/settings.ts";

const ana = { name: "cli:ana@laptop", via: "cli" } as const;
const decide = (
  cli: string[],
  actor: Parameters<typeof authorize>[1] = ana,
  breakGlass: { reason: string } | null = null,
) => authorize({ settings: { approvers: someApprovers({ cli }) }, directory: null }, actor, breakGlass);
const refused = expect.objectContaining({ code: "NOT_AN_APPROVER", exit: 77 }) as unknown;

describe("R21, P10: who may decide on a terminal", () => {
  it.each<{ list: string[]; may: boolean; why: string }>([
    { list: ["*"], may: true, why: "everybody who can run the command" },
    { list: ["ana@laptop"], may: true, why: "named" },
    { list: ["ben@laptop", "ana@laptop"], may: true, why: "named among others" },
    { list: [], may: false, why: "the command line is off" },
    { list: ["ben@laptop"], may: false, why: "not named" },
    { list: ["ana"], may: false, why: "a name without its host is not a name" },
    { list: ["ana@server"], may: false, why: "another host" },
    { list: ["ANA@laptop"], may: false, why: "another spelling" },
    { list: ["cli:ana@laptop"], may: false, why: "the list holds names without `cli:`" },
    { list: ["ana@*"], may: false, why: "`*` stands for everybody or for nothing" },
  ])("$list: $may, $why", async ({ list, may }) => {
    if (may) expect(await decide(list)).toMatchObject({ breakGlass: false });
    else await expect(decide(list)).rejects.toThrow(refused as Error);
  });

  it("the refusal names the person and where to look, exit 77", async () => {
    await expect(decide([])).rejects.toThrow("ana@laptop is not in approvers.cli.");
  });

  it("breaking the glass is always possible, and recorded as such only where it was needed", async () => {
    expect(await decide([], ana, { reason: "night" })).toMatchObject({ breakGlass: true });
    expect(await decide(["ana@laptop"], ana, { reason: "night" })).toMatchObject({ breakGlass: false });
  });

  it("a person of Slack may not decide where Slack is not configured", async () => {
    const slack = { name: "slack:U1", via: "slack", slack: { teamId: "T1", userId: "U1" } } as const;
    await expect(decide([], slack)).rejects.toThrow(refused as Error);
  });
});
