import { describe, expect, it } from "vitest";
import { STATES, type State, isFinal } from "../../src/rotation/states.ts";
import { viewOf } from "../../src/rotation/view.ts";
import { anApproval, rotationIn } from "../support/observations.ts";
import { DAY, HOUR, NOON, aKey } from "../support/records.ts";

/** Section 7 of the design, word for word. */
const DOCUMENTED = (
  "id target state reason outgoingKey replacementKey needsAttention dueAt createdAt history " +
  "revision planHash plan approvals deadline holds notBefore install"
).split(" ");
/** Every document has `schema`; the others are ours on top. */
const ADDED = ["schema", "enteredAt", "expectedQuietMs", "rebuiltFrom", "note"];
const ALL = Object.keys(STATES) as State[];
const attention = { code: "held", message: "A hold.", next: "unhold", since: NOON, looks: 4 } as const;

describe("the documented JSON of a rotation", () => {
  it.each(ALL)("in `%s` has exactly the documented names, unknown is null and never absent", (state) => {
    const view = viewOf(rotationIn(state, { target: null }));
    expect(Object.keys(view).sort()).toEqual([...DOCUMENTED, ...ADDED].sort());
    expect(Object.values(view)).not.toContain(undefined);
    expect(Object.keys(JSON.parse(JSON.stringify(view)) as object)).toHaveLength(DOCUMENTED.length + ADDED.length);
    expect(view.schema).toBe(1);
  });

  it("shows of a key its id, name and hint and nothing else: no fingerprint", () => {
    const view = viewOf(rotationIn("draining", { outgoing: aKey("apikey_out", { hint: "Qz7...wQAA" }) }));
    expect(view.outgoingKey).toEqual({ id: "apikey_out", name: "out", hint: "Qz7...wQAA" });
    expect(view.replacementKey).toEqual({ id: "apikey_new", name: "new", hint: null });
    expect(viewOf(rotationIn("awaiting_approval")).replacementKey).toBeNull();
    expect(JSON.stringify(view)).not.toContain("fp-apikey");
  });

  it("needs attention is never a state, and shows code, message and next step", () => {
    const view = viewOf(rotationIn("deactivating", { attention }));
    expect(view.state).toBe("deactivating");
    expect(view.needsAttention).toEqual({ code: "held", message: "A hold.", next: "unhold" });
    expect(viewOf(rotationIn("deactivating")).needsAttention).toBeNull();
  });

  it("times are RFC 3339 in UTC", () => {
    const view = viewOf(
      rotationIn("awaiting_replacement", {
        createdAt: NOON - 1,
        history: [{ at: NOON, event: "approved", actor: "cli:ana@laptop", via: "cli" }],
        approvals: [anApproval()],
        notBefore: NOON + DAY,
      }),
      ["billing (keyturn hold)"],
    );
    expect(view).toMatchObject({
      createdAt: "2026-11-20T11:59:59.999Z",
      enteredAt: "2026-11-20T12:00:00.000Z",
      deadline: "2026-11-27T12:00:00.000Z",
      notBefore: "2026-11-21T12:00:00.000Z",
      history: [{ at: "2026-11-20T12:00:00.000Z", event: "approved", actor: "cli:ana@laptop", via: "cli" }],
      holds: ["billing (keyturn hold)"],
    });
    expect(view.approvals).toEqual([{ actor: "cli:ana@laptop", via: "cli", at: "2026-11-20T12:00:00.000Z" }]);
  });
});

describe("dueAt is when we act next", () => {
  const wakeAt = NOON + HOUR;

  it.each(["awaiting_approval", "awaiting_replacement", "reinstated"] as const)(
    "null in `%s`: a person is next",
    (state) => {
      expect(viewOf(rotationIn(state, { wakeAt })).dueAt).toBeNull();
    },
  );

  it.each(ALL.filter(isFinal))("null in `%s`: nothing happens any more", (state) => {
    expect(viewOf(rotationIn(state, { wakeAt })).dueAt).toBeNull();
  });

  it.each(ALL.filter((s) => !isFinal(s)))("null in `%s` when it needs attention: a person is next", (state) => {
    expect(viewOf(rotationIn(state, { wakeAt, attention })).dueAt).toBeNull();
  });

  it.each([
    "revoking",
    "verifying",
    "promoting",
    "propagating",
    "draining",
    "deactivating",
    "archiving",
    "reinstating",
    "rolling_back",
  ] as const)("the next look in `%s`", (state) => {
    expect(viewOf(rotationIn(state, { wakeAt })).dueAt).toBe("2026-11-20T13:00:00.000Z");
    expect(viewOf(rotationIn(state, { wakeAt: null })).dueAt).toBeNull();
  });

  it("R4: null in `grace_period` of a key of no target, which is never archived by itself", () => {
    expect(viewOf(rotationIn("grace_period", { wakeAt, target: null })).dueAt).toBeNull();
  });

  it("the end of the period in `grace_period`, not the hourly look", () => {
    expect(viewOf(rotationIn("grace_period", { wakeAt })).dueAt).toBe("2026-11-27T12:00:00.000Z");
    expect(viewOf(rotationIn("grace_period", { wakeAt, graceEndsAt: null })).dueAt).toBe("2026-11-20T13:00:00.000Z");
  });
});
