import { describe, expect, it } from "vitest";
import { createDesk } from "../../src/app/desk/desk.ts";
import { createRefusals } from "../../src/app/desk/refusals.ts";
import { STATE_WORDS, spanWords, standing, timeWords, troubleWords } from "../../src/app/desk/words.ts";
import type { Deps } from "../../src/app/deps.ts";
import type { Desk, DeskAnswer } from "../../src/ports/desk.ts";
import { ERRORS, type ErrorCode, KeyturnError } from "../../src/rotation/errors.ts";
import { STATES, type State } from "../../src/rotation/states.ts";
import { memoryDirectory, slackActor } from "../support/doubles/memory-directory.ts";
import { HOUR, NOON, aRotation } from "../support/records.ts";
import { makeWorld } from "../support/world.ts";

const actor = slackActor("U0BEN");
const click = { actor, rotation: "rot_0001", planHash: "0".repeat(16) };

/** Everything a person can ask of the desk. */
const REQUESTS: Record<keyof Desk, (desk: Desk) => Promise<DeskAnswer>> = {
  approve: (desk) => desk.approve(click),
  reject: (desk) => desk.reject(click, "because"),
  snooze: (desk) => desk.snooze(click, HOUR),
  retry: (desk) => desk.retry(click),
  consider: (desk) => desk.consider(click),
  link: (desk) => desk.link(actor, "rot_0001"),
  delegate: (desk) => desk.delegate(actor, "rot_0001", "U0EVE"),
  status: (desk) => desk.status(actor, "billing"),
  rotate: (desk) => desk.rotate(actor, "billing", null),
  revoke: (desk) => desk.revoke(actor, "billing"),
  revokeImpact: (desk) => desk.revokeImpact(actor, "billing"),
  hold: (desk) => desk.hold(actor, "billing"),
  unhold: (desk) => desk.unhold(actor, "billing"),
};

function deskOver(deps: Deps): Desk {
  const handover = { issueLink: () => Promise.reject(new Error("canary-text")), sendLink: null };
  return createDesk({ deps, refusals: createRefusals(deps), handover });
}
/** A port whose every method fails with this. */
const failing = <T extends object>(real: T, error: Error): T =>
  new Proxy(real, { get: () => () => Promise.reject(error) });

describe("the desk never throws", () => {
  it.each(Object.entries(REQUESTS))(
    "`%s` while everything fails is answered, without the error's own text",
    async (_, ask) => {
      const { deps, log } = makeWorld();
      const error = new Error("canary-text of a vendor");
      deps.directory = failing(memoryDirectory(["U0BEN"]), error);
      deps.rotations = failing(deps.rotations, error);
      deps.audit = failing(deps.audit, error);
      const answer = await ask(deskOver(deps));
      expect(answer.ok).toBe(false);
      expect(answer.text).toMatch(/^Not saved/);
      expect(answer.text + JSON.stringify(log.lines)).not.toContain("canary");
    },
  );

  it.each(Object.entries(REQUESTS))("`%s` while Redis is away says that nothing is saved", async (_, ask) => {
    const { deps, log, setTarget } = makeWorld();
    setTarget("billing", null);
    deps.directory = memoryDirectory(["U0BEN"]);
    deps.settings.approvers.slack.users = ["U0BEN"];
    const away = new KeyturnError("REDIS_UNAVAILABLE");
    for (const port of ["rotations", "holds", "leases"] as const)
      Object.assign(deps, { [port]: failing(deps[port], away) });
    const answer = await ask(deskOver(deps));
    expect(answer.text).toMatch(/^Not saved, try again in a minute/);
    expect(log.lines.map(({ fields }) => fields["event"])).toContain("desk.not_saved");
  });
});

describe("its words", () => {
  it.each(Object.keys(STATES) as State[])("`%s` is said in words, with who decided", (state) => {
    const r = aRotation({ state, history: [{ at: NOON, event: "approved", actor: "slack:U0EVE", via: "slack" }] });
    const said = standing(r);
    expect(said).toMatch(state === "expired" ? /expired/ : /billing/);
    expect(said).not.toContain("_");
    expect(STATE_WORDS[state]).not.toBe("");
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])(
    "%s is one or more whole sentences, and offers no flag to get around it",
    (code) => {
      const said = troubleWords(new KeyturnError(code));
      expect(said.length).toBeGreaterThan(20);
      expect(said).not.toContain("--break-glass");
    },
  );

  it.each([
    [30_000, "1 minute"],
    [90 * 60_000, "90 minutes"],
    [47 * HOUR, "47 hours"],
    [48 * HOUR, "2 days"],
    [-5, "1 minute"],
  ])("%i ms is said as %s", (ms, words) => expect(spanWords(ms)).toBe(words));

  it("a time is said with its day and zone", () => expect(timeWords(0)).toBe("01 Jan 1970, 00:00 UTC"));

  it("a name of 5,000 characters does not make an answer that Slack refuses", async () => {
    const { deps } = makeWorld();
    deps.directory = memoryDirectory(["U0BEN"]);
    const { text } = await deskOver(deps).status(actor, "x".repeat(5000));
    expect(text.length).toBeLessThanOrEqual(2500);
  });
});
