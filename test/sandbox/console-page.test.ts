import { describe, expect, it, onTestFinished } from "vitest";
import { sandboxClient } from "../../src/sandbox/client.ts";
import { startSandbox } from "../../src/sandbox/start.ts";

async function openConsole() {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const create = (name: string) =>
    fetch(`${sandbox.url}/console/keys`, { method: "POST", body: new URLSearchParams({ name }) });
  return { url: sandbox.url, client: sandboxClient(sandbox.url), create };
}
const KEY = /sk-ant-api03-[\w-]{93}AA/;

describe("the Console as a page", () => {
  it("lists the keys by hint, never by text", async () => {
    const { url, client } = await openConsole();
    const { key, secret } = await client.createKey({ name: "listed" });
    const text = await (await fetch(`${url}/console`)).text();
    expect(text).toContain(key.id);
    expect(text).toContain("listed");
    expect(text).not.toContain(secret);
  });

  it("shows a new key once; it works, and a reload does not show it again", async () => {
    const { url, client, create } = await openConsole();
    const made = await create("fresh");
    const secret = KEY.exec(await made.text())?.[0] ?? "";
    expect(made.headers.get("cache-control")).toBe("no-store");
    const answer = await fetch(`${url}/v1/models`, {
      headers: { "x-api-key": secret, "anthropic-version": "2023-06-01" },
    });
    expect(answer.status).toBe(200);
    expect(await (await fetch(`${url}/console`)).text()).not.toMatch(KEY);
    expect((await client.keys()).map((key) => key.name)).toEqual(["fresh"]);
  });

  it("shows markup in a name as text", async () => {
    const { create } = await openConsole();
    const text = await (await create("<script>alert('x')</script>")).text();
    expect(text).not.toContain("<script>alert");
    expect(text).toContain("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  });

  it.each([
    { when: "no name", name: "", settings: {}, says: "A key needs a name." },
    { when: "no room for another key", name: "more", settings: { orgKeyLimit: 0 }, says: "limit" },
  ])("says why it makes no key: $when", async ({ name, settings, says }) => {
    const { client, create } = await openConsole();
    await client.settings(settings);
    const refused = await create(name);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(await refused.text()).toContain(says);
    expect(await client.keys()).toEqual([]);
  });

  it("is no part of the API: its requests are not in the request log", async () => {
    const { url, client, create } = await openConsole();
    await create("quiet");
    await fetch(`${url}/console`);
    expect(await client.requests()).toEqual([]);
  });
});
