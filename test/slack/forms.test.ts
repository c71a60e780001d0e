import { describe, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { ACTION, menuBlock } from "../../src/slack/actions.ts";
import { ben } from "../support/drive.ts";
import { aMember } from "../support/doubles/memory-directory.ts";
import { aClick, valueOf } from "./rig.ts";
import { type Scene, scenes } from "./scene.ts";

const { scene } = scenes();

describe("P10: the forms", () => {
  const submission = (view: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
    type: "view_submission",
    api_app_id: "A0APP",
    team: { id: "T0TEAM" },
    user: { id: "U0BEN", team_id: "T0TEAM" },
    trigger_id: crypto.randomUUID(),
    view: { id: "V1", hash: "1.a", ...view },
    ...more,
  });
  const opened = (s: Scene): { view: Record<string, unknown> } => {
    const call = s.rig.client.calls.at(-1);
    expect(call?.method).toBe("views.open");
    return call?.args as { view: Record<string, unknown> };
  };
  const reasonIn = (text: string) => ({ state: { values: { keyturn_reason: { text: { value: text } } } } });

  it("`Reject` asks for a reason; the form rejects, keeps the reason on record, and says so", async () => {
    const s = await scene();
    await s.rig.interact(aClick(s.rig.box, { action: ACTION.reject, value: valueOf(s.r) }));
    const { view } = opened(s);
    const { status, body } = await s.rig.interact(submission({ ...view, ...reasonIn("wrong quarter") }));
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ response_action: "update" });
    expect(body).toContain("Rejected. billing is not proposed again before");
    expect(await s.state()).toBe("rejected");
    const entry = (await s.d.audit()).findLast((e) => e.action === "rotation.rejected");
    expect(entry).toMatchObject({ actor: "slack:U0BEN", evidence: { reason: "wrong quarter" } });
  });

  it("a form that an outsider sends is refused, answered in the form, on record", async () => {
    const s = await scene();
    await s.rig.interact(aClick(s.rig.box, { action: ACTION.reject, value: valueOf(s.r) }));
    const { view } = opened(s);
    const outsider = { user: { id: "U0OUTSIDER", team_id: "T0TEAM" } };
    const { body } = await s.rig.interact(submission({ ...view, ...reasonIn("because") }, outsider));
    expect(body).toContain("not among the approvers");
    expect(await s.refusals()).toEqual(["decision.refused NOT_AN_APPROVER slack:U0OUTSIDER"]);
    expect(await s.state()).toBe("awaiting_approval");
  });

  it.each(["", "   ", "no"])(
    "a rejection because of %j is not taken: the form stays open and asks for a reason",
    async (why) => {
      const s = await scene();
      await s.rig.interact(aClick(s.rig.box, { action: ACTION.reject, value: valueOf(s.r) }));
      const { view } = opened(s);
      const { body } = await s.rig.interact(submission({ ...view, ...reasonIn(why) }));
      expect(JSON.parse(body)).toMatchObject({
        response_action: "errors",
        errors: { keyturn_reason: expect.stringContaining("please say why") },
      });
      expect(await s.state()).toBe("awaiting_approval");
      expect(await s.refusals()).toEqual(["click.refused no_reason slack:U0BEN"]);
    },
  );

  it("an outsider's `Reject` is refused before a form opens", async () => {
    const s = await scene();
    expect(await s.click({ action: ACTION.reject, user: "U0OUTSIDER" })).toMatch(/not among the approvers/);
    expect(s.rig.client.calls).toEqual([]);
    expect(await s.refusals()).toEqual(["decision.refused NOT_AN_APPROVER slack:U0OUTSIDER"]);
  });

  it("a form sent while Redis is away stays open with what was typed, and works when sent again", async () => {
    const s = await scene();
    await s.rig.interact(aClick(s.rig.box, { action: ACTION.reject, value: valueOf(s.r) }));
    const { view } = opened(s);
    s.rig.replays.down = true;
    const first = await s.rig.interact(submission({ ...view, ...reasonIn("because") }));
    expect(JSON.parse(first.body)).toMatchObject({
      response_action: "errors",
      errors: { keyturn_reason: expect.stringContaining("Not saved, try again") },
    });
    s.rig.replays.down = false;
    const second = await s.rig.interact(submission({ ...view, ...reasonIn("because") }));
    expect(second.body).toContain("Rejected.");
  });

  it("P3: a key pasted as the reason goes nowhere", async () => {
    const s = await scene();
    await s.rig.interact(aClick(s.rig.box, { action: ACTION.reject, value: valueOf(s.r) }));
    const { view } = opened(s);
    const key = (await s.d.make()).secret;
    const { body } = await s.rig.interact(submission({ ...view, ...reasonIn(key) }));
    expect(body).toContain("looks like a key");
    expect(await s.state()).toBe("awaiting_approval");
    for (const place of [body, JSON.stringify(await s.d.audit()), JSON.stringify(s.rig.log.lines)])
      expect(place).not.toContain(key.slice(0, 20));
  });

  it("Slack does not open the form: nothing is decided, and the person is told to click again", async () => {
    const s = await scene();
    s.rig.client.fail = true;
    expect(await s.click({ action: ACTION.reject })).toMatch(/did not open the form/);
    expect(await s.state()).toBe("awaiting_approval");
  });
});

describe("handing over", () => {
  it("the approver gets a link of their own, shown as a button to them alone", async () => {
    const s = await scene();
    await approve(s.d.deps, s.r.id, ben);
    expect(await s.click({ action: ACTION.link })).toMatch(/works once, until .* UTC/);
    expect(s.rig.links.issued).toEqual([`${s.r.id} slack:U0BEN`]);
    const post = s.rig.box.posts.at(-1);
    expect(post?.text).not.toContain("https://");
    expect(JSON.stringify(post?.blocks)).toContain("https://keyturn.example/intake#token");
    expect(JSON.stringify([await s.d.audit(), s.rig.log.lines])).not.toContain("#token");
  });

  it("`Somebody else` sends them the link, and is on record", async () => {
    const s = await scene({ fourEyes: true });
    await approve(s.d.deps, s.r.id, ben);
    const menu = { action: ACTION.delegate, value: undefined, block: menuBlock("keyturn_card", valueOf(s.r)) };
    expect(await s.click({ ...menu, chosenUser: "U0OUTSIDER" })).toMatch(/^<@U0OUTSIDER> hands the key/);
    expect(s.rig.links.sent).toEqual([`${s.r.id} U0OUTSIDER`]);
    const entry = (await s.d.audit()).findLast((e) => e.action === "intake.delegated");
    expect(entry).toMatchObject({ actor: "slack:U0BEN", evidence: { to: "slack:U0OUTSIDER" } });
  });

  it("`New link` works for somebody who was named and is no approver, until somebody else is named", async () => {
    const s = await scene();
    await approve(s.d.deps, s.r.id, ben);
    const name = (user: string) =>
      s.d.deps.links.issue(user, {
        rotation: s.r.id,
        person: { name: `slack:${user}`, via: "slack", identities: [] },
        issuedBy: "slack:U0BEN",
        issuedAt: s.d.deps.clock.now(),
        expiresAt: s.d.deps.clock.now() + 900_000,
        attemptsLeft: 5,
      });
    const link = { action: ACTION.link, user: "U0OUTSIDER" };
    expect(await s.click(link)).toMatch(/not among the approvers/);
    await name("U0OUTSIDER");
    expect(await s.click(link)).toMatch(/works once, until .* UTC/);
    expect(s.rig.links.issued).toEqual([`${s.r.id} slack:U0OUTSIDER`]);
    const menu = { action: ACTION.delegate, value: undefined, block: menuBlock("keyturn_handover", valueOf(s.r)) };
    expect(await s.click({ ...menu, user: "U0OUTSIDER", chosenUser: "U0EVE" })).toMatch(/not among the approvers/);
    expect(s.rig.links.sent).toEqual([]);
    s.directory.members.set("U0OUTSIDER", aMember("U0OUTSIDER", { barred: "deactivated" }));
    expect(await s.click(link)).toMatch(/deactivated/);
    s.directory.members.set("U0OUTSIDER", aMember("U0OUTSIDER"));
    await name("U0EVE");
    expect(await s.click(link)).toMatch(/not among the approvers/);
    expect(s.rig.links.issued).toHaveLength(1);
  });

  it("P10: self-approval: whoever approved may not hand the key over, by whichever way in", async () => {
    const s = await scene({ fourEyes: true });
    await s.click({});
    const key = await s.d.make();
    const options = { keyId: null, acceptExpiry: false, replace: false };
    await expect(submit(s.d.deps, s.r.id, key.secret, ben.actor, options)).rejects.toMatchObject({
      code: "NOT_AN_APPROVER",
    });
    expect(await s.state()).toBe("awaiting_replacement");
  });
});
