import { afterEach, describe, expect, it } from "vitest";
import { memoryDirectory } from "../support/doubles/memory-directory.ts";
import { aMember } from "../support/doubles/memory-directory.ts";
import type { Drive } from "../support/drive.ts";
import { drives } from "../support/drives.ts";
import { type PrivateText, type SlackRig, slackRig } from "./rig.ts";

const start = drives();
const rigs: SlackRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function scene(): Promise<{ d: Drive; rig: SlackRig; say(text: string, user?: string): Promise<string> }> {
  const d = await start();
  const directory = memoryDirectory(["U0BEN", "U0READER"]);
  directory.members.set("U0GUEST", aMember("U0GUEST", { barred: "a guest account" }));
  d.deps.directory = directory;
  d.deps.settings.approvers.slack.users = ["U0BEN"];
  const rig = await slackRig(d.deps);
  rigs.push(rig);
  return {
    d,
    rig,
    say: async (text, user = "U0BEN") => {
      const { status, answer } = await rig.command(user, text);
      expect(status).toBe(200);
      if (answer !== null) expect(answer).toMatchObject({ response_type: "ephemeral" } satisfies Partial<PrivateText>);
      return answer?.text ?? "";
    },
  };
}

/** The question that was opened. */
const question = (rig: SlackRig) => {
  const call = rig.client.calls.at(-1);
  expect(call?.method).toBe("views.open");
  return call?.args["view"] as Record<string, unknown>;
};
const submit = (rig: SlackRig, view: Record<string, unknown>, user = "U0BEN") =>
  rig.interact({
    type: "view_submission",
    api_app_id: "A0APP",
    team: { id: "T0TEAM" },
    user: { id: user, team_id: "T0TEAM" },
    trigger_id: crypto.randomUUID(),
    view: { id: "V1", hash: "1.a", state: { values: {} }, ...view },
  });
const refusals = async (d: Drive) =>
  (await d.audit()).filter((e) => e.action.endsWith("refused")).map((e) => `${e.action} ${e.actor} ${e.target ?? "-"}`);

describe("/keyturn", () => {
  it("`help`, nothing at all, and a typing error all list the commands", async () => {
    const { say } = await scene();
    for (const text of ["help", "", "HELP"]) expect(await say(text)).toMatch(/^\/keyturn status/);
    expect(await say("stauts billing")).toMatch(/^There is no "stauts"\. Did you mean "status"\?\n\/keyturn status/);
    expect(await say("abracadabra")).toMatch(/^There is no "abracadabra"\.\n/);
  });

  it("a name from outside is shown, not obeyed", async () => {
    const { say } = await scene();
    expect(await say("<!channel>")).toContain('There is no "&lt;!channel&gt;"');
  });

  it("P10: `status` tells those who may decide what is open and who is next, and nobody else anything", async () => {
    const { d, say } = await scene();
    expect(await say("status")).toMatch(/^No rotation is open/);
    await d.open();
    await d.turn(3 * 3_600_000);
    expect(await say("status")).toMatch(
      /^1 rotation open, 1 of them waiting for a person\.\n• billing: waiting for approval, for 3 hours/,
    );
    expect(await say("status", "U0GUEST")).toMatch(/a guest account/);
    for (const text of ["status", "status billing"])
      expect(await say(text, "U0READER")).toMatch(/not among the approvers/);
    const refused = (await d.audit()).filter((e) => e.action === "decision.refused").map((e) => e.actor);
    expect(refused).toEqual(["slack:U0GUEST", "slack:U0READER", "slack:U0READER"]);
  });

  it("`status <target>` and `status <rotation>` tell one in full, without key text", async () => {
    const { d, say } = await scene();
    const r = await d.to("awaiting_replacement");
    const byTarget = await say("status billing");
    expect(byTarget).toContain("billing is approved and waiting for somebody to hand over the replacement key");
    expect(byTarget).toContain(`Rotation ${r.id}`);
    expect(byTarget).not.toContain(d.keys["billing"]!.secret.slice(0, 24));
    expect(await say(`status ${r.id}`)).toBe(byTarget);
    expect(await say("status biling")).toMatch(/Nothing is called "biling".*Did you mean "billing"\?/);
  });

  it("`rotate <target> <reason>` opens a rotation with the reason on record; only one at a time", async () => {
    const { d, say } = await scene();
    const text = await say("rotate billing the contractor left");
    expect(text).toMatch(/^Rotation rot_\w+ of billing is open; its card comes to the channel\./);
    const opened = (await d.audit()).find((e) => e.action === "rotation.opened");
    expect(opened).toMatchObject({ actor: "slack:U0BEN", via: "slack" });
    expect(JSON.stringify(opened)).toContain("the contractor left");
    expect(await say("rotate billing")).toMatch(/Rotation rot_\w+ of billing is open\. Next:/);
    expect(await say("rotate")).toBe("Which one? /keyturn rotate &lt;target&gt;");
    expect(await say("rotate bilin")).toMatch(/No target is called "bilin".*Did you mean "billing"\?/);
  });

  it("`revoke` asks first and names what stops working; only the answer revokes", async () => {
    const { d, rig, say } = await scene();
    const { id } = d.keys["billing"]!.key;
    expect(await say("revoke billing")).toBe("");
    const view = question(rig);
    expect(JSON.stringify(view["blocks"])).toContain("billing.env");
    expect(JSON.stringify(view["blocks"])).toContain("stops working until a replacement key is handed over");
    expect(await d.deps.rotations.openIds()).toEqual([]);
    const { body } = await submit(rig, view);
    expect(body).toContain("is being deactivated; billing need a replacement");
    const [rotation] = await d.deps.rotations.openIds();
    await d.step(rotation ?? "");
    expect(await d.status(id)).toBe("inactive");
  });

  it("`revoke <key id>` of a key that belongs to no target: the id typed in full and the answer are enough", async () => {
    const { d, rig, say } = await scene();
    const loose = await d.make({ name: "loose" });
    expect(await say(`revoke ${loose.key.id}`)).toBe("");
    expect(JSON.stringify(question(rig)["blocks"])).toContain("belongs to no target");
    const { body } = await submit(rig, question(rig));
    expect(body).toContain("loose");
    const [rotation] = await d.deps.rotations.openIds();
    await d.step(rotation ?? "");
    expect(await d.status(loose.key.id)).toBe("inactive");
  });

  it("`revoke` of nothing we know is answered at once, and no question opens", async () => {
    const { rig, say } = await scene();
    expect(await say("revoke biling")).toMatch(/no target is called "biling"\. Did you mean "billing"\?/);
    expect(rig.client.calls).toEqual([]);
  });

  it("Slack does not open the question: nothing is revoked, and the terminal's command is named", async () => {
    const { d, rig, say } = await scene();
    rig.client.fail = true;
    expect(await say("revoke billing")).toMatch(/Nothing was revoked.*keyturn revoke billing/);
    expect(await d.deps.rotations.openIds()).toEqual([]);
  });

  it("`hold` stops a revocation, `unhold` lets it go on; both on record", async () => {
    const { d, rig, say } = await scene();
    expect(await say("hold billing")).toMatch(/^Held\. Nothing of billing/);
    await say("revoke billing");
    expect((await submit(rig, question(rig))).body).toMatch(/A hold forbids this/);
    expect(await say("unhold billing")).toMatch(/^The hold on billing is lifted/);
    const holds = (await d.audit()).filter((e) => e.action.startsWith("hold.")).map((e) => [e.action, e.actor]);
    expect(holds).toEqual([
      ["hold.set", "slack:U0BEN"],
      ["hold.removed", "slack:U0BEN"],
    ]);
  });

  it.each(["rotate billing", "revoke billing", "hold billing", "unhold billing"])(
    "P10: `%s` from a member who is no approver is refused, answered, on record, and changes nothing",
    async (text) => {
      const { d, rig, say } = await scene();
      expect(await say(text, "U0READER")).toMatch(/not among the approvers/);
      expect(await refusals(d)).toEqual(["decision.refused slack:U0READER billing"]);
      expect(rig.client.calls).toEqual([]);
      expect(await d.deps.rotations.openIds()).toEqual([]);
      expect(await d.deps.holds.list()).toEqual({});
    },
  );

  it("P10: a question that an approver opened and somebody else answers revokes nothing", async () => {
    const { d, rig, say } = await scene();
    await say("revoke billing");
    expect((await submit(rig, question(rig), "U0READER")).body).toContain("not among the approvers");
    expect(await d.deps.rotations.openIds()).toEqual([]);
    expect(await refusals(d)).toEqual(["decision.refused slack:U0READER billing"]);
  });

  it("P10: a command from another workspace is refused", async () => {
    const { d, rig } = await scene();
    const { answer } = await rig.command("U0BEN", "rotate billing", { team_id: "T0OTHER" });
    expect(answer?.text).toMatch(/another Slack workspace/);
    expect(await d.deps.rotations.openIds()).toEqual([]);
  });

  it.each(["rotate billing", "revoke", "hold", "status", ""])(
    "P3: a key pasted after `%s` goes nowhere: no answer, log or record has it",
    async (words) => {
      const { d, rig, say } = await scene();
      const { secret } = await d.make();
      expect(await say(`${words} ${secret}`)).toMatch(/^That looks like a key/);
      for (const place of [rig.log.lines, d.log.lines, await d.audit(), rig.client.calls, rig.box.posts])
        expect(JSON.stringify(place)).not.toContain(secret.slice(0, 20));
      expect(await refusals(d)).toEqual(["click.refused slack:U0BEN -"]);
    },
  );
});
