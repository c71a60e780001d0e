import { describe, expect, it } from "vitest";
import { checkBaseUrl, requireBaseUrl } from "../../src/anthropic/base-url.ts";
import { createKeyAdmin } from "../../src/anthropic/key-admin.ts";
import type { SecretText } from "../../src/rotation/secret.ts";
import { TestClock, verifierFor } from "./support.ts";

describe("a base URL", () => {
  it.each([
    "https://api.anthropic.com",
    "https://api.anthropic.com/",
    "https://gateway.example.com/anthropic",
    "http://127.0.0.1:8080",
    "http://127.9.9.9",
    "http://localhost:3000",
    "http://[::1]:3000",
  ])("may be %s", (url) => expect(checkBaseUrl(url)).toBeNull());

  const plain =
    "anthropic.baseUrl must start with https://; plain http is accepted for this machine only (localhost, 127.0.0.1, [::1]).";
  it.each([
    { url: "http://api.anthropic.com", says: plain },
    { url: "http://10.0.0.7", says: plain },
    { url: "http://127.0.0.1.example.com", says: plain },
    { url: "http://localhost.example.com", says: plain },
    { url: "http://0.0.0.0", says: plain },
    { url: "ftp://api.anthropic.com", says: "anthropic.baseUrl must start with https://." },
    { url: "api.anthropic.com", says: "anthropic.baseUrl is not a URL." },
    { url: "", says: "anthropic.baseUrl is not a URL." },
    { url: "https://user:pw@api.anthropic.com", says: "anthropic.baseUrl must not contain a user name or password." },
    { url: "https://api.anthropic.com?x=1", says: "anthropic.baseUrl must not contain a query or a fragment." },
    { url: "https://api.anthropic.com#x", says: "anthropic.baseUrl must not contain a query or a fragment." },
  ])("may not be $url", ({ url, says }) => expect(checkBaseUrl(url)).toBe(says));

  it("keeps its path and loses its last slash", () =>
    expect(requireBaseUrl("https://gateway.example.com/anthropic/")).toBe("https://gateway.example.com/anthropic"));

  it("that is not good enough stops both adapters before any key is read", () => {
    const says = `The configuration is not valid. ${plain}`;
    const unread = (): SecretText => expect.unreachable("the Admin key was read");
    expect(() => createKeyAdmin({ baseUrl: "http://10.0.0.7", adminKey: unread, clock: new TestClock() })).toThrow(
      says,
    );
    expect(() => verifierFor("http://10.0.0.7", new TestClock())).toThrow(says);
  });
});
