import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, KeyturnError, asKeyturnError } from "../../src/rotation/errors.ts";
import { makeKey } from "../support/keys.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];
const KEY = makeKey("error");

/** Section 7 of the design. */
const EXITS = [1, 64, 65, 69, 75, 77, 78];

describe("the errors", () => {
  it.each(CODES)("%s says what happened, who fixes it, what to do, and exits as documented", (code) => {
    const { fixedBy, exit, say, next } = ERRORS[code];
    expect(["waiting", "operator", "us"]).toContain(fixedBy);
    expect(EXITS).toContain(exit);
    expect(say.length).toBeGreaterThan(10);
    expect(next.length).toBeGreaterThan(10);
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });

  it.each<[number, ErrorCode[]]>([
    [64, ["USAGE", "NOT_FOUND", "KEY_NOT_FOUND"]],
    [65, ["KEY_REFUSED"]],
    [
      69,
      [
        ...(["STORE_UNAVAILABLE", "STORE_DENIED", "ADMIN_UNAVAILABLE", "ADMIN_DENIED", "ADMIN_INVALID"] as const),
        ...(["REDIS_UNAVAILABLE", "SINK_UNAVAILABLE", "HOLD_NOT_DURABLE", "DIRECTORY_UNAVAILABLE"] as const),
        ...(["SLACK_UNAVAILABLE", "SLACK_REFUSED"] as const),
      ],
    ],
    [
      75,
      [
        "BASE_CHANGED",
        "FOREIGN_PENDING",
        "CONFLICT",
        "LOCK_HELD",
        "NEWER_RECORD",
        "HELD",
        "INTERRUPTED",
        "WRONG_STATE",
      ],
    ],
    [77, ["NOT_AN_APPROVER"]],
    [78, ["CONFIG_INVALID", "OTHER_HOST", "REDIS_UNSAFE"]],
  ])("exit %i is for these and no other", (exit, codes) => {
    expect(CODES.filter((c) => ERRORS[c].exit === exit).sort()).toEqual([...codes].sort());
  });

  it("P12: what waiting can fix is exactly what may be over by itself", () => {
    expect(CODES.filter((c) => ERRORS[c].fixedBy === "waiting").sort()).toEqual(
      [
        "ADMIN_UNAVAILABLE",
        "BASE_CHANGED",
        "CONFLICT",
        "DIRECTORY_UNAVAILABLE",
        "INTERRUPTED",
        "LOCK_HELD",
        "NEWER_RECORD",
        "REDIS_UNAVAILABLE",
        "SLACK_UNAVAILABLE",
        "STORE_UNAVAILABLE",
      ].sort(),
    );
  });

  it("an error carries its sentence, the detail, the next step and how to retry", () => {
    const error = new KeyturnError("HELD", "billing.", { reason: "held", retryAfterMs: 5 });
    expect(error.message).toBe("A hold forbids this. billing.");
    expect([error.code, error.reason, error.retryAfterMs, error.fixedBy, error.exit]).toEqual([
      "HELD",
      "held",
      5,
      "operator",
      75,
    ]);
    expect(error.next).toBe(ERRORS.HELD.next);
    expect(new KeyturnError("HELD", undefined, { next: "wait" })).toMatchObject({
      next: "wait",
      message: ERRORS.HELD.say,
      reason: null,
      retryAfterMs: null,
    });
  });
});

describe("P3: what is thrown by others never passes on its words", () => {
  class VendorError extends Error {
    override name = "VendorError";
  }
  /** The stack is made when it is first read, so it holds the first message. */
  function changedLater(first: string, then: string): Error {
    const error = new VendorError(first);
    expect(error.stack).toContain(first);
    return Object.assign(error, { message: then });
  }
  const FOREIGN: [what: string, thrown: unknown][] = [
    ["an error that quotes the key", new VendorError(`401 for ${KEY}`)],
    [
      "a message of several lines, one of which looks like a frame",
      new VendorError(`bad\n    at ${KEY} (x:1:1)\nat ${KEY}`),
    ],
    ["an error whose message was changed after it was made", changedLater(`a\n    at ${KEY} (x:1:1)`, "b")],
    ["one whose message was changed to a part of its class name", changedLater(`a\n    at ${KEY} (x:1:1)`, "rror")],
    ["one without a message", changedLater(`a\n    at ${KEY} (x:1:1)`, "")],
    ["an error with a cause", new VendorError("no", { cause: new Error(KEY) })],
    ["an error with properties", Object.assign(new VendorError("no"), { config: { headers: { "x-api-key": KEY } } })],
    ["several errors at once", new AggregateError([new Error(KEY)], KEY)],
    ["a string", KEY],
    ["an object", { message: KEY, stack: KEY }],
    ["nothing", undefined],
  ];

  it.each(FOREIGN)("%s", (_, thrown) => {
    const error = asKeyturnError(thrown);
    expect(error.code).toBe("INTERNAL");
    const everything =
      inspect(error, { showHidden: true, depth: null }) + JSON.stringify(error) + String(error.stack) + error.message;
    for (let i = 0; i + 8 <= KEY.length; i++) expect(everything.includes(KEY.slice(i, i + 8))).toBe(false);
  });

  it("keeps the class and the frames of the place, for us to find it", () => {
    const error = asKeyturnError(new VendorError("secret words"));
    expect(error.message).toBe("Something went wrong inside Keyturn. (VendorError)");
    expect(error.stack).toMatch(/^KeyturnError: .*\n\s+at .*errors\.test\.ts:\d+/);
    expect(error.stack).not.toContain("secret words");
  });

  it("our own errors pass as they are", () => {
    const own = new KeyturnError("CONFLICT");
    expect(asKeyturnError(own)).toBe(own);
  });
});
