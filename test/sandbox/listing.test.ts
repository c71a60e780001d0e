import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { KEYS, world } from "./support.ts";
import type { World } from "./support.ts";

async function walk(here: World, query: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let after = ""; ;) {
    const { body } = await here.admin("GET", `${KEYS}?${query}${after}`);
    pages.push((body.data ?? []).map((key) => key.id ?? ""));
    if (body.has_more !== true) return pages;
    after = `&after_id=${body.last_id ?? ""}`;
  }
}

describe("the key list", () => {
  it("100,000 keys are listed whole, without duplicates, and a page late in the list costs what an early one does", async () => {
    const here = await world();
    await here.person.seedBulk({ count: 100_000, statuses: ["active", "archived", "inactive"] });
    const client = new Anthropic({ apiKey: here.sandbox.adminKey, baseURL: here.sandbox.url, maxRetries: 0 });
    const ids = new Set<string>();
    const times: number[] = [];
    let listed = 0;
    let started = performance.now();
    for await (const page of (await client.organization.apiKeys.list({ limit: 1000 })).iterPages()) {
      times.push(performance.now() - started);
      for (const key of page.data) ids.add(key.id);
      listed += page.data.length;
      started = performance.now();
    }
    expect({ listed, distinct: ids.size, pages: times.length }).toEqual({
      listed: 100_000,
      distinct: 100_000,
      pages: 100,
    });
    // Medians of the first and the last ten pages: a cost that grows with the position would be many times higher.
    const median = (some: number[]): number => some.toSorted((a, b) => a - b)[Math.floor(some.length / 2)] ?? 0;
    expect(median(times.slice(-10))).toBeLessThan(median(times.slice(1, 11)) * 5 + 20);
  }, 60_000);

  it.each(["newest", "oldest"] as const)(
    "in %s order pages forwards and backwards over the same keys",
    async (listOrder) => {
      const here = await world();
      const made = await here.person.seedKeys(["a", "b", "c", "d", "e"].map((name) => ({ name })));
      await here.person.settings({ listOrder });
      const expected = made.map(({ key }) => key.id);
      if (listOrder === "newest") expected.reverse();
      expect((await walk(here, "limit=2")).map((page) => page.length)).toEqual([2, 2, 1]);
      expect((await walk(here, "limit=2")).flat()).toEqual(expected);
      const backwards = await here.admin("GET", `${KEYS}?limit=2&before_id=${expected[4]}`);
      expect(backwards.body.data?.map((key) => key.id)).toEqual(expected.slice(2, 4));
      expect(backwards.body.has_more).toBe(true);
      const first = await here.admin("GET", `${KEYS}?limit=2&before_id=${expected[2]}`);
      expect(first.body).toMatchObject({ has_more: false, first_id: expected[0], last_id: expected[1] });
    },
  );

  it("filters by status, workspace and creator; a workspace-less key is in no workspace", async () => {
    const here = await world();
    const workspace = await here.person.createWorkspace("Production");
    const user = await here.person.createUser({ email: "dev@example.com" });
    const made = await here.person.seedKeys([
      { name: "plain" },
      { name: "off", status: "inactive" },
      { name: "prod", workspaceId: workspace.id },
      { name: "hers", workspaceId: null, principal: { type: "user", id: user.id }, createdBy: user.id },
      { name: "unrecorded", createdBy: null },
    ]);
    const named = async (query: string) => {
      const { body } = await here.admin("GET", `${KEYS}?${query}`);
      return body.data?.map((key) => key.name).toReversed();
    };
    expect(made).toHaveLength(5);
    expect(await named("status=inactive")).toEqual(["off"]);
    expect(await named("status=expired")).toEqual([]);
    expect(await named(`workspace_id=${workspace.id}`)).toEqual(["prod"]);
    expect(await named(`workspace_id=${here.sandbox.organization.defaultWorkspaceId}`)).toEqual([
      "plain",
      "off",
      "unrecorded",
    ]);
    expect(await named(`created_by_user_id=${user.id}`)).toEqual(["hers"]);
  });

  it("an empty page has null ids, and a page that just fits says there is no more", async () => {
    const here = await world();
    expect((await here.admin("GET", KEYS)).body).toEqual({ data: [], first_id: null, last_id: null, has_more: false });
    await here.person.seedKeys([{ name: "a" }, { name: "b" }]);
    expect((await here.admin("GET", `${KEYS}?limit=2`)).body.has_more).toBe(false);
  });

  it("shows 20 keys unless asked otherwise", async () => {
    const here = await world();
    await here.person.seedBulk({ count: 25 });
    expect((await here.admin("GET", KEYS)).body.data).toHaveLength(20);
  });

  it.each(["limit=0", "limit=1001", "limit=x", "status=gone", "after_id=apikey_none", "after_id=a&before_id=b"])(
    "%s is refused with 400",
    async (query) => {
      const here = await world();
      expect((await here.admin("GET", `${KEYS}?${query}`)).status).toBe(400);
    },
  );
});

describe("the shown key", () => {
  it("has the hint of its text, its age, and never the text", async () => {
    const here = await world();
    const { key, secret } = await here.person.seedKey({ name: "k", ageDays: 100 });
    expect(secret).toMatch(/^sk-ant-api03-[A-Za-z0-9_-]{93}AA$/);
    expect(key.partial_key_hint).toBe(`${secret.slice(0, 16)}...${secret.slice(-4)}`);
    expect(key.created_at).toBe("2026-08-12T12:00:00.000031Z");
    expect(JSON.stringify(await here.admin("GET", `${KEYS}/${key.id}`))).not.toContain(secret.slice(20, 60));
  });

  it("of a seeded organization is the same every time", async () => {
    const { startSandbox } = await import("../../src/sandbox/start.ts");
    const { sandboxClient } = await import("../../src/sandbox/client.ts");
    const made: string[] = [];
    for (let run = 0; run < 2; run += 1) {
      await using sandbox = {
        ...(await startSandbox({ seed: "same" })),
        async [Symbol.asyncDispose]() {
          await this.close();
        },
      };
      const { key, secret } = await sandboxClient(sandbox.url).seedKey({ name: "k" });
      made.push(`${key.id} ${secret} ${sandbox.adminKey} ${sandbox.organization.id}`);
    }
    expect(made[0]).toBe(made[1]);
  });
});
