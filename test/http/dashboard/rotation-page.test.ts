import { describe, expect, it } from "vitest";
import { ACTIONS } from "../../../src/http/dashboard/actions.ts";
import { rotationPage } from "../../../src/http/dashboard/rotation-page.ts";
import type { Rotation } from "../../../src/rotation/record.ts";
import { DAY, HOUR, NOON, aPlan, aRotation } from "../../support/records.ts";
import { anApproval } from "../../support/observations.ts";
import { someApprovers } from "../../support/settings.ts";
import { wordsOf } from "./support.ts";

const words = (more: Partial<Rotation>): string =>
  wordsOf(rotationPage({ r: aRotation(more), holds: [], now: NOON, controls: null, advice: (next) => next }).text);
const short = aPlan({ drain: { quietForMs: 24 * HOUR, limitMs: 3 * DAY } });
const DECIDES = "a person will have to decide";
const UNKNOWN = "How long it pauses is not known, because its usage could not be read";

describe("R13: the page of a rotation says what to expect of the drain", () => {
  it.each<{ what: string; more: Partial<Rotation>; said: string; not: string[] }>([
    {
      what: "a key in daily use",
      more: { longestPauseMs: 0 },
      said: "after 1 day without use; after 7 days a person is asked",
      not: [DECIDES, UNKNOWN],
    },
    {
      what: "a weekly batch, within the limit",
      more: { longestPauseMs: 7 * DAY },
      said: "after 7 days without use, its longest pause in the month before; after 7 days a person is asked",
      not: [DECIDES, UNKNOWN],
    },
    {
      what: "a weekly batch, beyond the limit",
      more: { longestPauseMs: 7 * DAY, plan: short },
      said: `after 7 days without use, its longest pause in the month before; the limit is 3 days, so ${DECIDES}`,
      not: [UNKNOWN],
    },
    {
      what: "usage that could not be read",
      more: { longestPauseMs: null },
      said: `after 1 day without use; after 7 days a person is asked ${UNKNOWN}`,
      not: [DECIDES],
    },
    { what: "a leaked key", more: { reason: "compromised" }, said: "without a check of its use", not: [UNKNOWN] },
    {
      what: "a drain that is over",
      more: { longestPauseMs: 7 * DAY, plan: short, state: "grace_period" },
      said: "after 7 days without use",
      not: [DECIDES, UNKNOWN],
    },
  ])("$what", ({ more, said, not }) => {
    expect(words(more)).toContain(said);
    for (const each of not) expect(words(more)).not.toContain(each);
  });
});

it("the reason that a person gave stands on the page, as text", () => {
  const note = { text: "lost <b>laptop</b>", actor: "slack:U07", at: NOON };
  const shown = rotationPage({ r: aRotation({ note }), holds: [], now: NOON, controls: null, advice: (next) => next });
  expect(shown.text).toContain("lost &lt;b&gt;laptop&lt;/b&gt;");
  expect(words({})).not.toContain("Reason given");
});

it.each([
  { who: "another proven person", via: "oidc" as const, fourEyes: true, offered: true },
  { who: "a token", via: "api" as const, fourEyes: true, offered: false },
  { who: "another proven person, without four eyes", via: "oidc" as const, fourEyes: false, offered: false },
])("R21: while a key is awaited, $who is offered to approve as well: $offered", ({ via, fourEyes, offered }) => {
  const r = aRotation({ state: "awaiting_replacement", approvals: [anApproval({ actor: "slack:U1", via: "slack" })] });
  const by = { actor: { name: `${via}:eve`, via }, breakGlass: null };
  const settings = { approvers: someApprovers({ fourEyes }) };
  expect(ACTIONS["approve"]?.offered({ r, by, held: new Set(), settings })).toBe(offered);
});
