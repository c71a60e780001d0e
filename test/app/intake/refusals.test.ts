import { beforeAll, describe, expect, it } from "vitest";
import { REFUSALS, type RefusalCode } from "../../../src/rotation/codes.ts";
import type { NewKey } from "../../../src/sandbox/client.ts";
import { type Drive, ana, exists, refusal } from "../../support/drive.ts";
import { sharedDrive } from "../../support/drives.ts";
import { makeAdminKey, makeKey, makeOauthToken } from "../../support/keys.ts";

const LIST = { method: "GET", path: "^/v1/organizations/api_keys$" };

describe("R12, P2: a key is refused by name, and nothing is stored", () => {
  const d = sharedDrive({
    targets: { billing: {}, reports: { ageDays: 10 }, search: { ageDays: 20 } },
    config: { policy: { gracePeriod: "7d", drain: { quietFor: "24h", limit: "7d" }, replacementWithin: "7d" } },
  });
  let id: string;
  let reports: string;
  beforeAll(async () => {
    id = (await d().to("awaiting_replacement")).id;
    reports = (await d().to("awaiting_replacement", "reports")).id;
  });

  async function refused(
    text: string,
    options: Parameters<Drive["submit"]>[2],
    code: RefusalCode,
    says: RegExp,
  ): Promise<void> {
    const before = await d().folder();
    const audited = (await d().audit()).length;
    const error = await refusal(d().submit(id, text, options));
    expect([error.code, error.exit, error.reason]).toEqual(["KEY_REFUSED", 65, code]);
    expect(error.message).toContain(REFUSALS[code]);
    expect(error.message).toMatch(says);
    expect(error.message + error.next).not.toContain(text.trim() === "" ? "\0" : text.trim());
    const r = await d().load(id);
    expect([r.state, r.replacement, r.lease]).toEqual(["awaiting_replacement", null, null]);
    expect({ ...(await d().folder()), "audit.jsonl": "" }).toEqual({ ...before, "audit.jsonl": "" });
    const entries = (await d().audit()).slice(audited);
    expect(entries.filter((e) => e.action === "intake.refused")).toMatchObject([
      { rotation: id, actor: ana.actor.name, via: "cli", evidence: { reason: code } },
    ]);
    if (text.trim().length > 20) expect(JSON.stringify(entries)).not.toContain(text.trim());
  }

  const good = makeKey("good");
  it.each<{ what: string; paste: string; code: RefusalCode }>([
    { what: "nothing", paste: "", code: "empty" },
    { what: "blanks and line breaks", paste: " \r\n\t\n", code: "empty" },
    { what: "two keys", paste: `${good}\n${makeKey("other")}\n`, code: "several_lines" },
    { what: "a key broken over two lines", paste: `${good.slice(0, 50)}\n${good.slice(50)}`, code: "several_lines" },
    { what: "a zero-width space inside", paste: `${good.slice(0, 50)}\u200b${good.slice(50)}`, code: "not_printable" },
    { what: "a blank inside", paste: `${good.slice(0, 50)} ${good.slice(50)}`, code: "not_printable" },
    { what: "a file", paste: "x".repeat(5000), code: "too_long" },
    { what: "a line of a dotenv file", paste: `ANTHROPIC_API_KEY=${good}`, code: "assignment" },
    { what: "an export", paste: `export ANTHROPIC_API_KEY="${good}"`, code: "assignment" },
    { what: "double quotes around it", paste: `"${good}"`, code: "quoted" },
    { what: "typographic quotes around it", paste: `“${good}”`, code: "quoted" },
    {
      what: "the hint from the Console's list",
      paste: `${good.slice(0, 16)}...${good.slice(-4)}`,
      code: "hint_pasted",
    },
    { what: "the hint with an ellipsis", paste: `${good.slice(0, 16)}…${good.slice(-4)}`, code: "hint_pasted" },
    { what: "the id", paste: "apikey_01Rj2N8SVvo6BePZj99NhmiT", code: "key_id_pasted" },
    { what: "an Admin key", paste: makeAdminKey("a"), code: "admin_key" },
    { what: "an OAuth token", paste: makeOauthToken("o"), code: "oauth_token" },
    { what: "a password", paste: "correct-horse-battery-staple", code: "not_a_key" },
    { what: "another vendor's key", paste: `sk-proj-${"a".repeat(80)}`, code: "not_a_key" },
    { what: "the beginning of a key", paste: good.slice(0, 20), code: "not_a_key" },
    { what: "a well-formed key of no organization we know", paste: good, code: "unknown_key" },
  ])("$what: $code", ({ paste, code }) => refused(paste, {}, code, /./));

  it("the key being replaced", () => refused(d().keys["billing"]?.secret ?? "", {}, "outgoing_key", /being replaced/));
  it("the key being replaced, named by its id", async () => {
    const key = await d().make();
    await refused(key.secret, { keyId: d().keys["billing"]?.key.id ?? "" }, "outgoing_key", /being replaced/);
  });
  it("the outgoing key of another target's open rotation, by that target's name", () =>
    refused(d().keys["reports"]?.secret ?? "", {}, "key_seen_before", /reports/));
  it("a key that is pending in another open rotation", async () => {
    const key = await d().make();
    await d().submit(reports, key.secret);
    await refused(key.secret, {}, "key_seen_before", new RegExp(reports));
  });

  it.each<{ what: string; code: RefusalCode; says: RegExp; make: () => Promise<NewKey> }>([
    {
      what: "a disabled key",
      code: "key_not_active",
      says: /inactive/,
      make: () => d().console.seedKey({ name: "off", ageDays: 1, status: "inactive" }),
    },
    {
      what: "an archived key",
      code: "key_not_active",
      says: /archived/,
      make: () => d().console.seedKey({ name: "gone", ageDays: 1, status: "archived" }),
    },
    {
      what: "an expired key",
      code: "key_expired",
      says: /late/,
      make: () =>
        d().console.seedKey({ name: "late", ageDays: 2, expiresAt: new Date(Date.now() - 60_000).toISOString() }),
    },
    {
      what: "a key older than the one it would replace",
      code: "key_older",
      says: /was created/,
      make: () => d().console.seedKey({ name: "old", ageDays: 200 }),
    },
    {
      what: "a key of another workspace",
      code: "wrong_workspace",
      says: /wrkspc_/,
      make: async () => d().make({ workspaceId: (await d().console.createWorkspace("other")).id }),
    },
    {
      what: "R8: a key that expires one day before drain, grace and a week of reserve are over",
      code: "expires_too_soon",
      says: /or later is needed/,
      make: () => d().make({ expiresInMs: 20 * 86_400_000 }),
    },
  ])("$what: $code", async ({ code, says, make }) => refused((await make()).secret, {}, code, says));

  it("R8: the same is taken for a key that expires a day later", async () => {
    const key = await d().make({ expiresInMs: 22 * 86_400_000 });
    const fault = await d().console.addFault({
      match: { path: "^/v1/models$" },
      times: null,
      fault: { kind: "status", status: 401, type: "authentication_error" },
    });
    // Everything is in order with it but the last look, so that the rotation stays as it was for the other tests.
    await refused(key.secret, {}, "key_rejected", /401/);
    await d().console.removeFault(fault);
  });

  it("the API forbids the key: not_permitted", async () => {
    const key = await d().make();
    await d().console.addFault({
      match: { path: "^/v1/models$" },
      fault: { kind: "status", status: 403, type: "permission_error" },
    });
    await refused(key.secret, {}, "not_permitted", /not permitted/);
  });

  it("a key of another organization: wrong_organization", async () => {
    const key = await d().make();
    const headers = { "anthropic-organization-id": "00000000-0000-4000-8000-000000000000" };
    await d().console.addFault({ match: { path: "^/v1/models$" }, fault: { kind: "headers", headers } });
    await refused(key.secret, {}, "wrong_organization", /belongs to 00000000/);
  });

  it("two active keys with one hint: ambiguous_key names both", async () => {
    const [one, two] = [await d().make({ name: "one" }), await d().make({ name: "two" })];
    const hint = `${one.secret.slice(0, 16)}...${one.secret.slice(-4)}`;
    await d().console.addFault({ match: LIST, fault: { kind: "hint_collision", hint, keyIds: [two.key.id] } });
    await refused(one.secret, {}, "ambiguous_key", new RegExp(`(?=.*${one.key.id}).*${two.key.id}`));
  });

  it("R11: new keys without a hint: ambiguous_key asks for the id", async () => {
    const key = await d().make();
    await d().console.addFault({ match: LIST, fault: { kind: "null_hints" } });
    await refused(key.secret, {}, "ambiguous_key", /no hint/);
  });

  it("an id that names another key: key_id_mismatch", async () => {
    const [one, two] = [await d().make(), await d().make({ name: "two" })];
    await refused(one.secret, { keyId: two.key.id }, "key_id_mismatch", /two/);
  });
  it("an id that names no key: unknown_key", async () => {
    await refused(
      (await d().make()).secret,
      { keyId: "apikey_01Rj2N8SVvo6BePZj99NhmiT" },
      "unknown_key",
      /apikey_01Rj/,
    );
  });

  it.each([
    { what: "the Admin API", path: "^/v1/organizations/api_keys$" },
    { what: "the API that the key is tried on", path: "^/v1/models$" },
  ])("P12: $what does not answer: no refusal, exit 69, nothing stored", async ({ path }) => {
    const key = await d().make();
    const fault = await d().console.addFault({ match: { path }, times: null, fault: { kind: "overloaded" } });
    const error = await refusal(d().submit(id, key.secret));
    await d().console.removeFault(fault);
    expect([error.code, error.exit]).toEqual(["ADMIN_UNAVAILABLE", 69]);
    expect(await exists(`${d().lab.dir}/.billing.env.keyturn-pending`)).toBe(false);
    expect(await d().load(id)).toMatchObject({ state: "awaiting_replacement", lease: null });
  });

  it("the current key of a target that never had a rotation, once a scan has seen it", async () => {
    const { scan } = await import("../../../src/app/scan/scan.ts");
    await scan(d().deps, { dryRun: false });
    await refused(d().keys["search"]?.secret ?? "", {}, "key_seen_before", /search/);
  });

  it("in the wrong state nobody's key is looked at: exit 75", async () => {
    const error = await refusal(d().submit((await d().open("search")).id, (await d().make()).secret));
    expect([error.code, error.exit]).toEqual(["WRONG_STATE", 75]);
    expect(error.message).toContain("awaiting_approval");
  });
});
