import { describe, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { reject } from "../../src/app/decisions.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { ACTION, menuBlock } from "../../src/slack/actions.ts";
import { ben, eve } from "../support/drive.ts";
import { aMember } from "../support/doubles/memory-directory.ts";
import { eventually } from "../support/quiet-log.ts";
import { type ClickFields, type Signing, CARD_PLACE, aClick, signed, valueOf } from "../slack/rig.ts";
import { GROUP, type Scene, scenes } from "../slack/scene.ts";

/*
 * P10 as a table: real signed HTTP requests, the real Bolt receiver on our server, the real use cases on Redis and files.
 * Each row says what came of the rotation, what the person saw, and what is on record.
 */

const { scene, rigOf } = scenes();

describe("P10: a click that must not count changes nothing, is answered, and is on record", () => {
  interface Row {
    when: string;
    given?: Parameters<typeof scene>[0];
    /** Something that happens between the card and the click. */
    before?: (s: Scene) => Promise<unknown> | void;
    click?: Partial<ClickFields> | ((s: Scene) => Promise<Partial<ClickFields>>);
    signing?: Signing;
    /** null: 401 with nothing in the body. */
    sees: RegExp | null;
    onRecord: string;
    state?: string;
  }
  const rows: Row[] = [
    {
      when: "somebody who is not among the approvers",
      click: { user: "U0OUTSIDER" },
      sees: /not among the approvers/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0OUTSIDER",
    },
    {
      when: "somebody Slack does not know",
      click: { user: "U0NOBODY" },
      sees: /another Slack workspace/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0NOBODY",
    },
    {
      when: "an approver's id in another workspace",
      click: { team: "T0OTHER" },
      sees: /another Slack workspace/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
    },
    {
      when: "a guest by Slack Connect",
      click: { userTeam: "T0PARTNER" },
      sees: /[Gg]uests of another workspace/,
      onRecord: "click.refused guest slack:U0BEN",
    },
    {
      when: "an approver whose account was deactivated",
      before: (s) => void s.directory.members.set("U0BEN", aMember("U0BEN", { barred: "deactivated" })),
      sees: /deactivated/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
    },
    {
      when: "somebody removed from the user group a second ago",
      before: (s) => void s.directory.groups.set(GROUP, []),
      click: { user: "U0GROUPIE" },
      sees: /not among the approvers/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0GROUPIE",
    },
    {
      when: "a member of a group that cannot be read",
      before: (s) => void s.directory.groups.delete(GROUP),
      click: { user: "U0GROUPIE" },
      sees: /Not saved, try again.*Slack did not say/,
      onRecord: "decision.refused DIRECTORY_UNAVAILABLE slack:U0GROUPIE",
    },
    {
      when: "a member of a group that was deleted in Slack",
      before: (s) =>
        void (s.directory.groupMembers = () =>
          Promise.reject(
            new KeyturnError("DIRECTORY_UNAVAILABLE", "(no_such_subteam)", {
              next: "Correct the user group's id in approvers.slack.groups.",
            }),
          )),
      click: { user: "U0GROUPIE" },
      sees: /^Not saved: .*does not help until.*Correct the user group's id in approvers\.slack\.groups/,
      onRecord: "decision.refused DIRECTORY_UNAVAILABLE slack:U0GROUPIE",
    },
    {
      when: "an approver while Slack does not answer at all",
      before: (s) => void (s.directory.down = true),
      sees: /Not saved, try again/,
      onRecord: "decision.refused DIRECTORY_UNAVAILABLE slack:U0BEN",
    },
    {
      when: "a request signed 6 minutes ago",
      signing: { skewS: -360 },
      sees: null,
      onRecord: "click.refused timestamp_old unknown",
    },
    {
      when: "a request signed 10 minutes ahead",
      signing: { skewS: 600 },
      sees: null,
      onRecord: "click.refused timestamp_future unknown",
    },
    {
      when: "an altered body",
      signing: { body: "payload=%7B%7D" },
      sees: null,
      onRecord: "click.refused signature_wrong unknown",
    },
    {
      when: "a request without headers",
      signing: { headers: { "x-slack-signature": undefined, "x-slack-request-timestamp": undefined } },
      sees: null,
      onRecord: "click.refused headers_missing unknown",
    },
    {
      when: "a button that names another rotation than its card",
      click: async (s) => ({ value: `rot_0000000000000000other|${s.r.planHash.slice(0, 16)}` }),
      sees: /does not belong to its card/,
      onRecord: "click.refused cross_rotation slack:U0BEN",
    },
    {
      when: "a button that names another rotation, in a message that names none",
      before: (s) => void s.rig.cards.of.set(s.r.id, { channel: "C0CHANNEL", ts: "1699999999.000100" }),
      click: { card: undefined },
      sees: /does not belong to its card/,
      onRecord: "click.refused other_message slack:U0BEN",
    },
    {
      when: "`Retry` from a message in another channel",
      click: { action: ACTION.retry, place: { channel: "C0OTHER", ts: CARD_PLACE.ts }, card: undefined },
      sees: /does not belong to its card/,
      onRecord: "click.refused other_message slack:U0BEN",
    },
    {
      when: "a button whose block is named after another plan",
      click: async (s) => ({ block: menuBlock("keyturn_card", `${s.r.id}|${"0".repeat(16)}`) }),
      sees: /does not belong to its card/,
      onRecord: "click.refused cross_rotation slack:U0BEN",
    },
    {
      when: "a menu of another message",
      click: async (s) => ({
        action: ACTION.snooze,
        value: undefined,
        option: "24",
        block: menuBlock("keyturn_card", valueOf(s.r)),
        card: undefined,
        place: { channel: "C0CHANNEL", ts: "1700000009.000100" },
      }),
      sees: /does not belong to its card/,
      onRecord: "click.refused other_message slack:U0BEN",
    },
    {
      when: "a card that Keyturn does not remember",
      before: (s) => void s.rig.cards.of.set(s.r.id, null),
      sees: /does not know this card.*try again in a minute/,
      onRecord: "click.refused card_unknown slack:U0BEN",
    },
    {
      when: "a card while what Keyturn remembers cannot be read",
      before: (s) => void (s.rig.cards.lost = true),
      sees: /Not saved, try again/,
      onRecord: "click.refused card_unknown slack:U0BEN",
    },
    {
      when: "a forged plan hash",
      click: async (s) => ({ value: `${s.r.id}|${"0".repeat(16)}` }),
      sees: /Nothing was decided\. The plan changed/,
      onRecord: "decision.refused plan_changed slack:U0BEN",
    },
    {
      when: "a plan that changed since the card was written",
      before: (s) => {
        const target = s.d.deps.settings.targets[0]!;
        target.policy = { ...target.policy, gracePeriodMs: 123_000 };
      },
      sees: /Nothing was decided\. The plan changed/,
      onRecord: "decision.refused plan_changed slack:U0BEN",
    },
    {
      when: "a rotation nobody knows any more",
      click: { value: `rot_00000000000000000old|${"0".repeat(16)}`, card: "rot_00000000000000000old" },
      sees: /older than what Keyturn remembers/,
      onRecord: "click.refused unknown_rotation slack:U0BEN",
    },
    {
      when: "a rotation whose time to decide is over, before a worker noticed",
      before: (s) => s.d.turn(3_600_000),
      sees: /the time to decide on billing is over/,
      onRecord: "decision.refused deadline_passed slack:U0BEN",
    },
    {
      when: "an expired rotation",
      before: async (s) => {
        await s.d.turn(3_600_000);
        await s.d.step(s.r.id);
      },
      sees: /Nobody decided on billing in time, so it expired.*Not proposed again before .* UTC/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
      state: "expired",
    },
    {
      when: "a card that somebody else approved",
      before: (s) => approve(s.d.deps, s.r.id, eve),
      sees: /Approved by <@U0EVE> on .* UTC/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
      state: "awaiting_replacement",
    },
    {
      when: "`Reject` on a card that somebody else approved",
      before: (s) => approve(s.d.deps, s.r.id, eve),
      click: { action: ACTION.reject },
      sees: /Approved by <@U0EVE>/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
      state: "awaiting_replacement",
    },
    {
      when: "`Snooze` with a plan hash of before",
      click: async (s) => ({
        action: ACTION.snooze,
        value: undefined,
        option: "24",
        block: menuBlock("keyturn_card", `${s.r.id}|${"0".repeat(16)}`),
      }),
      sees: /The plan changed/,
      onRecord: "decision.refused plan_changed slack:U0BEN",
    },
    {
      when: "the same person twice where two approvals are needed",
      given: { approvals: 2 },
      before: (s) => approve(s.d.deps, s.r.id, ben),
      sees: /already counted/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
    },
    {
      when: "one person under two names (Slack proved one address for both)",
      given: { approvals: 2 },
      before: async (s) => {
        for (const id of ["U0BEN", "U0EVE"]) s.directory.members.set(id, aMember(id, { email: "same@example.com" }));
        await approve(s.d.deps, s.r.id, eve);
      },
      sees: /already counted/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
    },
    {
      when: "an old card's `Approve` after promotion, while the plan of now was never shown",
      before: async (s) => {
        await s.d.until(s.r.id, "propagating");
        const target = s.d.deps.settings.targets[0]!;
        target.policy = { ...target.policy, gracePeriodMs: 123_000 };
        expect((await s.d.step(s.r.id)).attention?.code).toBe("plan_changed");
      },
      sees: /Nothing was changed.*Approved by ana@laptop/,
      onRecord: "decision.refused plan_changed slack:U0BEN",
      state: "propagating",
    },
    {
      when: "an old card's `Retry` on a rotation that has ended",
      before: (s) => reject(s.d.deps, s.r.id, eve, "no"),
      click: { action: ACTION.retry },
      sees: /Nothing was changed\. Rejected by <@U0EVE>/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
      state: "rejected",
    },
    {
      when: "an old card's `Retry` on a reinstated key, which would resume the rotation",
      before: async (s) => {
        await s.d.until(s.r.id, "grace_period");
        await reinstate(s.d.deps, s.r.id, eve);
        await s.d.until(s.r.id, "reinstated");
      },
      click: { action: ACTION.retry },
      sees: /Nothing was changed\..*reinstated; somebody has to say how it goes on/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
      state: "reinstated",
    },
    {
      when: "`Get a link` from somebody who is no approver",
      before: (s) => approve(s.d.deps, s.r.id, eve),
      click: { action: ACTION.link, user: "U0OUTSIDER" },
      sees: /not among the approvers/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0OUTSIDER",
      state: "awaiting_replacement",
    },
    {
      when: "`Get a link` from the approver, with four eyes",
      given: { fourEyes: true },
      before: (s) => approve(s.d.deps, s.r.id, ben),
      click: { action: ACTION.link },
      sees: /somebody else has to hand the key over/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
      state: "awaiting_replacement",
    },
    {
      when: "`Get a link` before anybody approved",
      click: { action: ACTION.link },
      sees: /No key is waited for here/,
      onRecord: "decision.refused WRONG_STATE slack:U0BEN",
    },
    {
      when: "`Somebody else` who is a guest",
      before: async (s) => {
        await approve(s.d.deps, s.r.id, eve);
        s.directory.members.set("U0GUEST", aMember("U0GUEST", { barred: "a guest account" }));
      },
      click: async (s) => ({
        action: ACTION.delegate,
        value: undefined,
        block: menuBlock("keyturn_card", valueOf(s.r)),
        chosenUser: "U0GUEST",
      }),
      sees: /a guest account/,
      onRecord: "decision.refused NOT_AN_APPROVER slack:U0BEN",
      state: "awaiting_replacement",
    },
  ];

  it.each(rows)(
    "$when",
    async ({ given, before, click = {}, signing, sees, onRecord, state = "awaiting_approval" }) => {
      const s = await scene(given);
      await before?.(s);
      const approvals = (await s.d.load(s.r.id)).approvals.length;
      const answer = await s.click(typeof click === "function" ? await click(s) : click, signing);
      if (sees === null) expect(answer).toBeNull();
      else expect(answer).toMatch(sees);
      expect(await s.refusals()).toEqual([onRecord]);
      expect(await s.state()).toBe(state);
      expect((await s.d.load(s.r.id)).approvals).toHaveLength(approvals);
      expect(s.rig.links).toEqual({ issued: [], sent: [] });
    },
  );

  it("an older card of the same rotation: told to use the newest, on record, and the old one loses its buttons", async () => {
    const s = await scene();
    const place = { channel: "C0CHANNEL", ts: "1699999999.000100" };
    await s.click({ place });
    await eventually(() => s.rig.box.posts.length === 2);
    expect(s.rig.box.posts[0]?.text).toMatch(/older card.*newest/);
    expect(s.rig.box.posts[1]).toMatchObject({ replace_original: true, text: expect.stringContaining("superseded") });
    expect(JSON.stringify(s.rig.box.posts[1]?.blocks)).not.toContain("button");
    expect(await s.refusals()).toEqual(["click.refused older_card slack:U0BEN"]);
    expect(await s.state()).toBe("awaiting_approval");
    expect(await s.click({})).toMatch(/^Approved/);
  });

  it("each refused click of a known person is on record, however many there are in a minute", async () => {
    const s = await scene();
    for (const user of ["U0BEN", "U0EVE"]) await s.click({ user, card: `rot_${"0".repeat(20)}` });
    expect(await s.refusals()).toEqual([
      "click.refused cross_rotation slack:U0BEN",
      "click.refused cross_rotation slack:U0EVE",
    ]);
  });

  it("a request replayed byte for byte is refused, on record, and the first one counted once", async () => {
    const s = await scene({ approvals: 2 });
    const payload = JSON.stringify(aClick(s.rig.box, { action: ACTION.approve, value: valueOf(s.r) }));
    const body = new URLSearchParams({ payload }).toString();
    const headers = signed(body);
    const send = () => fetch(`${s.rig.url}/slack/interactions`, { method: "POST", headers, body });
    const [first, second] = [await send(), await send()];
    expect([first.status, second.status]).toEqual([200, 401]);
    expect(await s.refusals()).toEqual(["click.refused replayed unknown"]);
    expect((await s.d.load(s.r.id)).approvals).toHaveLength(1);
  });

  it("Redis away: nothing is saved, the person is told to try again, and the next click counts", async () => {
    const s = await scene();
    s.rig.replays.down = true;
    expect(await s.click({})).toMatch(/Not saved, try again/);
    expect(await s.refusals()).toEqual(["click.refused database_away slack:U0BEN"]);
    s.rig.replays.down = false;
    const { load } = s.d.deps.rotations;
    s.d.deps.rotations.load = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
    expect(await s.click({})).toMatch(/Not saved, try again in a minute: Keyturn's database did not answer/);
    // Without Redis there is no audit chain: the log is the record.
    expect(s.d.log.lines.map(({ fields }) => [fields["event"], fields["code"]])).toContainEqual([
      "desk.not_saved",
      "REDIS_UNAVAILABLE",
    ]);
    s.d.deps.rotations.load = load;
    expect(await s.state()).toBe("awaiting_approval");
    expect(await s.click({})).toMatch(/^Approved/);
  });

  it("Slack's look-up hangs: the click is acknowledged in time with `not saved yet`, and the outcome follows", async () => {
    const s = await scene();
    let go = (): void => undefined;
    const real = s.directory.member;
    s.directory.member = (id) => new Promise((resolve) => (go = () => resolve(real(id))));
    const since = performance.now();
    const first = await s.click({});
    expect(performance.now() - since).toBeLessThan(2900);
    expect(first).toMatch(/^Not saved yet/);
    expect(await s.state()).toBe("awaiting_approval");
    go();
    await eventually(() => s.rig.box.posts.length === 2);
    expect(s.rig.box.posts[1]?.text).toMatch(/^Approved/);
    expect(await s.state()).toBe("awaiting_replacement");
  });
});

describe("P10: what counts, counts once", () => {
  it("one click of an approver approves exactly the plan shown, and is answered privately", async () => {
    const s = await scene();
    expect(await s.click({})).toMatch(/^Approved\. billing now waits/);
    const r = await s.d.load(s.r.id);
    expect(r.state).toBe("awaiting_replacement");
    expect(r.approvals).toMatchObject([{ actor: "slack:U0BEN", via: "slack", planHash: s.r.planHash }]);
    expect(await s.refusals()).toEqual([]);
  });

  it("a double click by two people at once: one wins, the other is told who", async () => {
    const s = await scene();
    const before = s.rig.box.posts.length;
    await Promise.all(
      ["U0BEN", "U0EVE"].map((user) =>
        s.rig.interact(aClick(s.rig.box, { user, action: ACTION.approve, value: valueOf(s.r) })),
      ),
    );
    await eventually(() => s.rig.box.posts.length === before + 2);
    const r = await s.d.load(s.r.id);
    expect(r.approvals).toHaveLength(1);
    const winner = r.approvals[0]!.actor.slice("slack:".length);
    const loser = winner === "U0BEN" ? "U0EVE" : "U0BEN";
    const texts = s.rig.box.posts.map((post) => post.text);
    expect(texts.filter((text) => text.startsWith("Approved. billing"))).toHaveLength(1);
    expect(texts.filter((text) => text.includes(`Approved by <@${winner}>`))).toHaveLength(1);
    expect(await s.refusals()).toEqual([`decision.refused WRONG_STATE slack:${loser}`]);
  });

  it("approve and reject at once: one wins, the other is told", async () => {
    const s = await scene();
    const [approved, rejected] = await Promise.all([
      s.rig.desk.approve({ actor: ben.actor, rotation: s.r.id, planHash: s.r.planHash.slice(0, 16) }),
      s.rig.desk.reject({ actor: eve.actor, rotation: s.r.id, planHash: s.r.planHash.slice(0, 16) }, "not now"),
    ]);
    expect([approved.ok, rejected.ok].filter(Boolean)).toHaveLength(1);
    const loser = approved.ok ? rejected : approved;
    expect(loser.text).toMatch(/^Nothing was changed\. (Approved|Rejected) by slack:/);
  });

  it("two approvals are needed: the first is told how many are missing, two at once both count", async () => {
    const s = await scene({ approvals: 2 });
    await Promise.all(
      ["U0BEN", "U0EVE"].map((user) =>
        s.rig.interact(aClick(s.rig.box, { user, action: ACTION.approve, value: valueOf(s.r) })),
      ),
    );
    await eventually(() => s.rig.box.posts.length === 2);
    const texts = s.rig.box.posts.map((post) => post.text).toSorted();
    expect(texts[0]).toMatch(/^Approved\. billing/);
    expect(texts[1]).toMatch(/is counted\. 1 more needed/);
    expect(await s.state()).toBe("awaiting_replacement");
  });

  it("a member of an approving group counts, with the membership of this second", async () => {
    const s = await scene();
    s.directory.groups.set(GROUP, ["U0OUTSIDER"]);
    expect(await s.click({ user: "U0OUTSIDER" })).toMatch(/^Approved/);
  });

  it("the process restarts between card and click: the new one takes it", async () => {
    const s = await scene();
    await s.rig.close();
    const deps = await s.d.again();
    deps.directory = s.directory;
    const rig = await rigOf(deps);
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: valueOf(s.r) }));
    await eventually(() => rig.box.posts.length === 1);
    expect(rig.box.posts[0]?.text).toMatch(/^Approved/);
    expect(await s.state()).toBe("awaiting_replacement");
  });

  it("the approver's second click changes nothing and says since when the first is counted", async () => {
    const s = await scene();
    await s.click({});
    await s.d.turn(60_000);
    const revision = (await s.d.load(s.r.id)).revision;
    expect(await s.click({})).toMatch(/^Your approval of billing is counted since/);
    expect((await s.d.load(s.r.id)).revision).toBe(revision);
  });

  it("`Retry` on a card that needs attention only has it looked at again", async () => {
    const s = await scene();
    await s.d.until(s.r.id, "awaiting_replacement");
    expect(await s.click({ action: ACTION.retry })).toMatch(/^Keyturn looks at billing again now/);
    expect(await s.state()).toBe("awaiting_replacement");
  });

  it("a snooze puts off, a second person's snooze is told who did", async () => {
    const s = await scene();
    const menu = {
      action: ACTION.snooze,
      value: undefined,
      option: "24",
      block: menuBlock("keyturn_card", valueOf(s.r)),
    };
    expect(await s.click(menu)).toMatch(/^Put off\. billing is not proposed again before/);
    expect((await s.d.load(s.r.id)).notBefore).toBeGreaterThan(s.d.deps.clock.now() + 86_300_000);
    expect(await s.click({ ...menu, user: "U0EVE" })).toMatch(/Put off by <@U0BEN>/);
  });
});
