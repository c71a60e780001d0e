import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { type SlackApi, type SlackMessage } from "../support/slack-api.ts";
import { type World, ada, after, approved, buttons, idOf, openSlack, opened, setUp } from "./channel-rig.ts";

let slack: SlackApi;
beforeAll(async () => {
  slack = await openSlack();
});
afterAll(() => slack.stop());

let spare = 0;

describe("the private message", () => {
  const inbox = async (w: World, name = "ada"): Promise<SlackMessage[]> => {
    const opening = await w.parts.client.call("conversations.open", { users: idOf(name) });
    const all = await slack.messages((opening.channel as { id: string }).id);
    return all.filter((m) => JSON.stringify(m).includes(w.records.keys().next().value ?? ""));
  };
  const fresh = (): Rotation => opened({ id: `rot_dm${++spare}` });

  it("brings the last approver one link per wait; neither memory, channel nor log has its address", async () => {
    const w = await setUp();
    const r = fresh();
    await w.deliver(r);
    for (let i = 0; i < 3; i++) await w.deliver(approved(r));
    expect(w.links).toEqual([
      { rotation: r.id, person: ada(), identities: [ada(), "mail:ada@example.com"], issuedBy: "keyturn" },
    ]);
    const [message] = await inbox(w);
    expect(buttons(message)).toEqual([ACTION.open, ACTION.link, ACTION.delegate]);
    expect(JSON.stringify(message)).toContain("/intake#ttt");
    expect(JSON.stringify(message)).toContain("in workspace `wrkspc_1`");
    for (const place of [[...w.memories], await w.cards(), await w.thread(), w.log.lines])
      expect(JSON.stringify(place)).not.toContain("intake#");
  });

  it("a rejected key begins a new wait: a new link; once handed over the message says it is over", async () => {
    const w = await setUp();
    const r = approved(fresh());
    await w.deliver(r);
    const again = after(after(r, "staged", "verifying"), "key_rejected", "awaiting_replacement");
    await w.deliver(again);
    expect(w.links).toHaveLength(2);
    await w.deliver(after(again, "staged", "verifying"));
    const messages = await inbox(w);
    expect(messages).toHaveLength(2);
    for (const message of messages) {
      expect(message.text).toContain("No key is needed here any more");
      expect(buttons(message)).toEqual([]);
      expect(JSON.stringify(message)).not.toContain("intake#");
    }
  });

  it("R21: where four eyes forbid the approver to hand over, they are asked to name somebody", async () => {
    const w = await setUp();
    w.issue.how = () => Promise.reject(new KeyturnError("NOT_AN_APPROVER", "four eyes"));
    await w.deliver(approved(fresh()));
    const [message] = await inbox(w);
    expect(buttons(message)).toEqual([ACTION.delegate]);
    expect(message?.text).toContain("Somebody else has to hand the replacement key over");
  });

  it.each(["cannot_dm_bot", "user_disabled", "missing_scope"])(
    "%s: no link is made, it is logged once, and the rest is said",
    async (error) => {
      const w = await setUp();
      slack.fault("conversations.open", { kind: "error", error });
      const r = approved(fresh());
      const { nextAt } = await w.deliver(r);
      await w.deliver(r);
      expect([w.links, w.log.events()]).toEqual([[], ["slack.no_private_message"]]);
      expect(nextAt).not.toBeNull();
    },
  );

  it("what Slack may have taken is not sent again: the card makes another link", async () => {
    const w = await setUp();
    const r = fresh();
    await w.deliver(r);
    slack.fault("chat.postMessage", { kind: "answer", body: { ok: true, ts: "1.2" } }, { kind: "silent" });
    await expect(w.deliver(approved(r))).rejects.toMatchObject({ reason: "no_answer" });
    await w.deliver(approved(r));
    expect(w.links).toHaveLength(1);
  });

  it("nobody of Slack approved, or there are no pages: no message", async () => {
    const w = await setUp({ publicUrl: null });
    await w.deliver(approved(fresh()));
    const other = await setUp();
    const byCli = approved(fresh());
    await other.deliver({ ...byCli, approvals: byCli.approvals.map((a) => ({ ...a, via: "cli", actor: "cli:a@b" })) });
    expect([...w.links, ...other.links]).toEqual([]);
  });

  it("somebody who is named gets a link with all that names them; guests, bots and strangers do not", async () => {
    const w = await setUp();
    const r = approved(fresh());
    w.records.set(r.id, r);
    const grace = idOf("grace");
    await w.messages.sendLink(grace, r.id, ada());
    expect(w.links).toEqual([
      {
        rotation: r.id,
        person: `slack:${grace}`,
        identities: [`slack:${grace}`, "mail:grace@emulate.dev"],
        issuedBy: ada(),
      },
    ]);
    expect(await inbox(w, "grace")).toHaveLength(1);
    slack.fault("users.info", {
      kind: "answer",
      body: { ok: true, user: { id: grace, team_id: "T000000001", is_restricted: true } },
    });
    await expect(w.messages.sendLink(grace, r.id)).rejects.toMatchObject({ code: "NOT_AN_APPROVER" });
    await expect(w.messages.sendLink("U404", r.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(w.messages.sendLink(grace, "rot_404")).rejects.toMatchObject({ code: "NOT_FOUND" });
    w.issue.how = () => Promise.resolve(null);
    await expect(w.messages.sendLink(grace, r.id)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(w.links).toHaveLength(1);
  });
});
