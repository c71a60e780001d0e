import { describe, expect, it } from "vitest";
import { parseKey } from "../../src/anthropic/key-schema.ts";
import { makeKey } from "../support/keys.ts";
import { shown } from "./support.ts";

describe("a key of the Admin API", () => {
  it("is read in the shape of 2026-10-21", () => {
    expect(
      parseKey({
        type: "api_key",
        id: "apikey_01",
        name: "billing-worker prod",
        status: "active",
        created_at: "2026-08-14T09:12:44.120031Z",
        created_by: { type: "user", id: "user_01" },
        expires_at: "2026-12-01T00:00:00+01:00",
        partial_key_hint: "sk-ant-api03-Qz7...wQAA",
        principal: { type: "service_account_actor", service_account_id: "svac_01" },
        scope: { type: "workspace", workspace_id: "wrkspc_01" },
      }),
    ).toEqual({
      id: "apikey_01",
      name: "billing-worker prod",
      status: "active",
      createdAt: Date.parse("2026-08-14T09:12:44.120Z"),
      expiresAt: Date.parse("2026-11-30T23:00:00Z"),
      hint: "sk-ant-api03-Qz7...wQAA",
      createdBy: "user_01",
      principal: "svac_01",
      scope: "workspace",
      workspaceId: "wrkspc_01",
    });
  });

  it("is read in the shape of 2023-06-01, where null is the Default Workspace", () => {
    const old = { type: "api_key", id: "apikey_01", name: "x", status: "inactive", created_at: "2024-10-30T23:58:27Z" };
    expect(parseKey({ ...old, created_by: null, partial_key_hint: null, workspace_id: null })).toEqual({
      id: "apikey_01",
      name: "x",
      status: "inactive",
      createdAt: Date.parse("2024-10-30T23:58:27Z"),
      expiresAt: null,
      hint: null,
      createdBy: null,
      principal: null,
      scope: "workspace",
      workspaceId: null,
    });
    expect(parseKey({ ...old, workspace_id: "wrkspc_01" })).toMatchObject({
      scope: "workspace",
      workspaceId: "wrkspc_01",
    });
  });

  it.each([
    {
      when: "scope before workspace_id",
      more: { workspace_id: "wrkspc_old" },
      is: { workspaceId: "wrkspc_01Example" },
    },
    {
      when: "a key without a workspace",
      more: { scope: { type: "organization" }, workspace_id: null },
      is: { scope: "organization", workspaceId: null },
    },
    {
      when: "a scope nobody knows yet, as not known",
      more: { scope: { type: "galaxy" } },
      is: { scope: "workspace", workspaceId: null },
    },
    {
      when: "a user's personal key",
      more: { principal: { type: "user_actor", user_id: "user_9" } },
      is: { principal: "user_9" },
    },
    { when: "the older principal", more: { principal: { type: "user", id: "user_9" } }, is: { principal: "user_9" } },
    { when: "a principal nobody knows yet", more: { principal: { type: "robot" } }, is: { principal: null } },
    { when: "an unknown status", more: { status: "suspended" }, is: { status: "unknown:suspended" } },
    { when: "a status that is a sentence", more: { status: "call +1 555" }, is: { status: "unknown:unreadable" } },
    {
      when: "a hint with an ellipsis",
      more: { partial_key_hint: "sk-ant-api03-Qz7…wQAA" },
      is: { hint: "sk-ant-api03-Qz7…wQAA" },
    },
    { when: "a whole key where the hint should be", more: { partial_key_hint: makeKey("oops") }, is: { hint: null } },
    { when: "a key pasted as the name", more: { name: `old ${makeKey("oops")}` }, is: { name: "old [key]" } },
    {
      when: "control characters in the name",
      more: { name: "a\u001b[2Jb\u202ec" },
      is: { name: "a\uFFFD[2Jb\uFFFDc" },
    },
    { when: "fields nobody knows yet", more: { last_used_at: 7 }, is: { id: "apikey_1" } },
  ])("tolerates $when", ({ more, is }) => expect(parseKey(shown("apikey_1", more))).toMatchObject(is));

  it.each([
    { when: "null", value: null, says: "a key that is not an object" },
    { when: "an array", value: [], says: "a key that is not an object" },
    { when: "an id with a slash", value: shown("apikey/1"), says: "a key without a usable `id`" },
    { when: "key text as the id", value: shown(makeKey("oops")), says: "a key without a usable `id`" },
    { when: "no name", value: shown("apikey_1", { name: null }), says: "key apikey_1 without a `name`" },
    { when: "no status", value: shown("apikey_1", { status: null }), says: "key apikey_1 without a `status`" },
    {
      when: "a number as the time",
      value: shown("apikey_1", { created_at: 7 }),
      says: "key apikey_1 without a readable `created_at`",
    },
  ])("is refused for $when", ({ value, says }) => expect(parseKey(value)).toBe(says));
});
