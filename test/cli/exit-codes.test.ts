import { mkdir, rename } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ran, document, errorOf, keyturn } from "../support/cli.ts";
import { makeKey } from "../support/keys.ts";
import { bench, documents, runner, submitter } from "./bench.ts";

const at = bench();
const run = runner(at);
const json = documents(at);
const submit = submitter(at);

const refusal = (ran: Ran) => [ran.code, errorOf(ran).code];

describe("exit codes, each with what causes it; the error document is whole", () => {
  const open = async (approved = true) => {
    await json(0, "rotate", "billing");
    if (approved) await json(0, "approve", "billing");
  };
  it.each<{ code: number; error: string; when: string; act: () => Promise<Ran> }>([
    { code: 64, error: "usage", when: "an unknown command", act: () => run("scna", "--json") },
    { code: 64, error: "usage", when: "half a command", act: () => run("audit", "--json") },
    { code: 64, error: "usage", when: "an unknown option", act: () => run("scan", "--dry-rum", "--json") },
    {
      code: 64,
      error: "usage",
      when: "an option without its value",
      act: () => run("wait", "billing", "--json", "--for"),
    },
    { code: 64, error: "usage", when: "an argument too many", act: () => run("show", "a", "b", "--json") },
    { code: 64, error: "usage", when: "an argument too few", act: () => run("approve", "--json") },
    { code: 64, error: "usage", when: "an unknown state", act: () => run("list", "--state", "drainin", "--json") },
    {
      code: 64,
      error: "usage",
      when: "a wrong duration",
      act: () => run("wait", "billing", "--for", "completed", "--timeout", "soon", "--json"),
    },
    {
      code: 64,
      error: "usage",
      when: "proceed without a reason",
      act: async () => (await open(), run("proceed", "billing", "--json")),
    },
    {
      code: 64,
      error: "usage",
      when: "a key as an argument",
      act: () => run("submit", "billing", makeKey("argument"), "--json"),
    },
    { code: 64, error: "not_found", when: "an unknown rotation", act: () => run("show", "rot_nothing", "--json") },
    { code: 64, error: "not_found", when: "an unknown target", act: () => run("rotate", "biling", "--json") },
    { code: 64, error: "not_found", when: "a hold on a misspelt target", act: () => run("hold", "biling", "--json") },
    {
      code: 64,
      error: "key_not_found",
      when: "a key id that does not exist",
      act: () => run("revoke", "apikey_nothing", "--unmanaged", "--json"),
    },
    { code: 65, error: "empty", when: "submit with nothing on stdin", act: async () => (await open(), submit("")) },
    {
      code: 65,
      error: "outgoing_key",
      when: "submit with the outgoing key",
      act: async () => (await open(), submit(at.outgoing.text)),
    },
    {
      code: 65,
      error: "unknown_key",
      when: "submit with a key of nobody",
      act: async () => (await open(), submit(makeKey("nobody"))),
    },
    {
      code: 69,
      error: "redis_unavailable",
      when: "Redis does not answer",
      act: async () => (
        await at.lab.configure({ redis: { url: `redis://127.0.0.1:${await closedPort()}` } }),
        run("list", "--json")
      ),
    },
    {
      code: 69,
      error: "admin_denied",
      when: "the Admin key is refused",
      act: async () => (
        await at.lab.console.addFault({
          match: { path: "^/v1/organizations" },
          times: null,
          fault: { kind: "status", status: 401 },
        }),
        run("scan", "--dry-run", "--json")
      ),
    },
    {
      code: 69,
      error: "admin_invalid",
      when: "an answer lacks what it must have",
      act: async () => (
        await at.lab.console.addFault({
          match: { path: "^/v1/organizations" },
          times: null,
          fault: { kind: "missing_field", field: "has_more" },
        }),
        run("scan", "--dry-run", "--json")
      ),
    },
    {
      code: 69,
      error: "sink_unavailable",
      when: "the audit sink cannot be written",
      act: async () => (
        await open(),
        await rename(at.lab.auditFile, `${at.lab.auditFile}.old`),
        await mkdir(at.lab.auditFile),
        submit((await at.lab.console.createKey({ name: "new" })).secret)
      ),
    },
    {
      code: 75,
      error: "wrong_state",
      when: "a decision that comes too late",
      act: async () => (await open(), run("reject", "billing", "--json")),
    },
    {
      code: 75,
      error: "wrong_state",
      when: "approving a target for which nothing was ever opened",
      act: () => run("approve", "billing", "--json"),
    },
    {
      code: 75,
      error: "wrong_state",
      when: "submit before the approval",
      act: async () => (await open(false), submit((await at.lab.console.createKey({ name: "new" })).secret)),
    },
    {
      code: 75,
      error: "rotation_open",
      when: "a second rotation of the same target",
      act: async () => (await open(), run("rotate", "billing", "--json")),
    },
    {
      code: 75,
      error: "held",
      when: "revoke under a hold",
      act: async () => (await run("hold", "billing"), run("revoke", "billing", "--json")),
    },
    {
      code: 77,
      error: "not_an_approver",
      when: "a decision of somebody who may not",
      act: async () => (
        await at.lab.configure({ approvers: { cli: ["ana@laptop"] } }),
        await run("rotate", "billing"),
        run("approve", "billing", "--json")
      ),
    },
    {
      code: 78,
      error: "config_invalid",
      when: "a configuration that is not there",
      act: () => keyturn(["list", "--json", "--config", join(at.lab.dir, "nothing.yaml")]),
    },
    {
      code: 78,
      error: "config_invalid",
      when: "a misspelt setting",
      act: async () => (await at.lab.configure({ polcy: {} }), run("config", "check", "--json")),
    },
    {
      code: 78,
      error: "config_invalid",
      when: "a secret that is not there",
      act: async () => (
        await at.lab.configure({ anthropic: { adminKey: "env:NOT_SET_ANYWHERE", baseUrl: at.lab.sandbox.url } }),
        run("scan", "--dry-run", "--json")
      ),
    },
    { code: 78, error: "redis_unsafe", when: "a scan on a Redis that may forget", act: () => run("scan", "--json") },
    { code: 78, error: "redis_unsafe", when: "serve on a Redis that may forget", act: () => run("serve", "--json") },
  ])(
    "$code $error: $when",
    async ({ code, error, act }) => {
      const ran = await act();
      expect([...refusal(ran), ran.stderr]).toEqual([code, error, ""]);
      const shown = document(ran);
      expect(Object.keys(shown)).toEqual(["schema", "error"]);
      expect(Object.keys(shown["error"] as object)).toEqual(["code", "message", "next"]);
      for (const text of Object.values(errorOf(ran))) expect(text.length).toBeGreaterThan(3);
    },
    20_000,
  );

  it("an ambiguous prefix of an id is refused, a unique one and the id are taken", async () => {
    const { id } = (await json(0, "rotate", "billing")) as { id: string };
    await at.lab.target("reports", 3);
    await json(0, "rotate", "reports");
    expect(errorOf(await run("show", "rot_", "--json"))).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("more than one") as string,
    });
    for (const name of [id, id.slice(0, -1), "billing"]) expect((await json(0, "show", name))["id"]).toBe(id);
  });
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
