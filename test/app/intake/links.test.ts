import { describe, expect, it, vi } from "vitest";
import { approve } from "../../../src/app/approve.ts";
import { linkHashOf } from "../../../src/app/intake/link-token.ts";
import { LINK_MS, issueLink } from "../../../src/app/intake/links.ts";
import { lookAtLink } from "../../../src/app/intake/look-at-link.ts";
import { datedName, freeName } from "../../../src/app/intake/new-keys.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { submitByLink } from "../../../src/app/intake/submit-by-link.ts";
import { rotate } from "../../../src/app/rotate.ts";
import type { IntakeLink } from "../../../src/ports/intake-links.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { ana, ben, refusal } from "../../support/drive.ts";
import { memoryDirectory } from "../../support/doubles/memory-directory.ts";
import { makeKey } from "../../support/keys.ts";
import { someApprovers } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BEN: IntakeLink["person"] = { name: "slack:U0BEN", via: "slack", identities: ["slack:U0BEN"] };
const NO_CHOICE = { keyId: null, acceptExpiry: false, replace: false };
const SECOND = 1000;

interface Scene {
  world: World;
  id: string;
}
/** A rotation that waits for a key, approved now. */
async function scene(more: Parameters<typeof makeWorld>[0] = {}, keyName = "prod-billing"): Promise<Scene> {
  const world = makeWorld({ settings: { publicUrl: "https://keyturn.example.com", ...more.settings } });
  world.setTarget("billing", world.org.addKey({ name: keyName, ageDays: 100 }));
  const { id } = await rotate(world.deps, "billing", ana.actor, null);
  await world.clock.turn(10 * SECOND);
  await approve(world.deps, id, ana);
  await world.clock.turn(10 * SECOND);
  return { world, id };
}
const issue = async ({ world, id }: Scene, person = BEN) => {
  const { url, expiresAt } = await issueLink(world.deps, id, person, "slack:U0ANA");
  return { url, expiresAt, token: new URL(url).hash.slice(1) };
};
const facts = async ({ world }: Scene, token: string) => {
  const look = await lookAtLink(world.deps, token);
  if (look.state !== "open") throw new Error(`the link is ${look.state}`);
  return look.facts;
};

describe("issuing a link", () => {
  it("gives an address with 32 random bytes in its fragment, for 15 minutes; kept is the hash alone", async () => {
    const s = await scene();
    const [first, second] = [await issue(s), await issue(s)];
    expect(first.url).toMatch(/^https:\/\/keyturn\.example\.com\/intake#[A-Za-z0-9_-]{43}$/);
    expect(first.token).not.toBe(second.token);
    expect(second.expiresAt).toBe(s.world.clock.now() + LINK_MS);
    expect(LINK_MS).toBe(15 * 60_000);
    const kept = await s.world.deps.links.look(linkHashOf(second.token), s.world.clock.now());
    expect(kept).toMatchObject({ state: "open", link: { rotation: s.id, person: BEN, attemptsLeft: 5 } });
    expect(JSON.stringify(kept)).not.toContain(second.token);
    expect(await s.world.deps.links.look(second.token, s.world.clock.now())).toEqual({ state: "unknown" });
  });

  it("P11: is on record before it works, with who gave it to whom, and without token or address", async () => {
    const s = await scene();
    const order: string[] = [];
    const { audit, links } = s.world.deps;
    s.world.deps.links = {
      ...links,
      issue: async (...given) => {
        order.push("link");
        await links.issue(...given);
      },
    };
    const append = audit.append.bind(audit);
    audit.append = async (drafts) => {
      order.push(...drafts.map((draft) => draft.action));
      return append(drafts);
    };
    const { token } = await issue(s);
    expect(order).toEqual(["intake.link_issued", "link"]);
    expect(s.world.audit.sink.at(-1)).toMatchObject({
      rotation: s.id,
      target: "billing",
      action: "intake.link_issued",
      actor: "slack:U0ANA",
      via: "slack",
      evidence: { for: "slack:U0BEN" },
    });
    const everything = JSON.stringify([s.world.audit.sink, s.world.log.lines]);
    expect(everything).not.toContain(token);
    expect(everything).not.toContain(linkHashOf(token));
  });

  it("makes no link when it cannot be put on record", async () => {
    const s = await scene();
    s.world.deps.audit.append = () => Promise.reject(new KeyturnError("SINK_UNAVAILABLE"));
    let issued = 0;
    s.world.deps.links = { ...s.world.deps.links, issue: async () => void issued++ };
    expect((await refusal(issue(s))).code).toBe("SINK_UNAVAILABLE");
    expect(issued).toBe(0);
  });

  it.each<{ when: string; publicUrl: string | null; code: string | null }>([
    { when: "without an address", publicUrl: null, code: "CONFIG_INVALID" },
    { when: "over http to another machine", publicUrl: "http://keyturn.example.com", code: "CONFIG_INVALID" },
    {
      when: "over http to a name like this machine's",
      publicUrl: "http://localhost.evil.example",
      code: "CONFIG_INVALID",
    },
    { when: "over http to 127.evil", publicUrl: "http://127.evil.example", code: "CONFIG_INVALID" },
    { when: "over http to this machine", publicUrl: "http://localhost:8080", code: null },
    { when: "over http to 127.0.0.1", publicUrl: "http://127.0.0.1:8080", code: null },
    { when: "over https", publicUrl: "https://keyturn.example.com/keys", code: null },
  ])("$when: $code", async ({ publicUrl, code }) => {
    const s = await scene();
    s.world.settings.publicUrl = publicUrl;
    if (code === null) expect((await issue(s)).url.startsWith(`${publicUrl}/intake#`)).toBe(true);
    else {
      const error = await refusal(issue(s));
      expect([error.code, error.next]).toEqual([code, expect.stringContaining("keyturn submit")]);
    }
  });

  it("is refused while nobody waits for a key: before the approval, and after a key was accepted", async () => {
    const s = await scene();
    const other = makeWorld({ settings: { publicUrl: "https://keyturn.example.com" } });
    other.setTarget("billing", other.org.addKey({ name: "k", ageDays: 100 }));
    const opened = await rotate(other.deps, "billing", ana.actor, null);
    expect((await refusal(issue({ world: other, id: opened.id }))).code).toBe("WRONG_STATE");
    const { token } = await issue(s);
    await submitByLink(s.world.deps, token, s.world.org.addKey({ name: "new" }).text, NO_CHOICE);
    expect((await refusal(issue(s))).code).toBe("WRONG_STATE");
    expect((await refusal(issue({ ...s, id: "rot_nobody" }))).code).toBe("NOT_FOUND");
  });

  it("is refused to somebody of Slack without an address where the page asks for a sign-in: it could never fit", async () => {
    const s = await scene();
    s.world.deps.settings.linksNeedSignIn = true;
    const bare = { name: "slack:U0BEN", via: "slack" as const, identities: ["slack:U0BEN"] };
    const refused = await refusal(issue(s, bare));
    expect([refused.code, refused.reason]).toEqual(["CONFIG_INVALID", "no_address"]);
    expect(refused.next).toContain(`“Hand over the key” on https://keyturn.example.com/rotations/${s.id}`);
    expect((await issue(s, { ...bare, identities: ["slack:U0BEN", "mail:ben@example.com"] })).token).toHaveLength(43);
    const signedIn = { name: "oidc:ben", via: "oidc" as const, identities: ["oidc:ben"] };
    expect((await issue(s, signedIn)).token).toHaveLength(43);
  });

  it("R21: with four eyes the only approver gets no link, by any name of theirs; another person does", async () => {
    const approvers = someApprovers({ fourEyes: true, slack: { users: ["U0BEN"], groups: [] } });
    const world = makeWorld({ settings: { publicUrl: "https://keyturn.example.com", approvers } });
    world.deps.directory = memoryDirectory(["U0BEN"]);
    world.setTarget("billing", world.org.addKey({ name: "k", ageDays: 100 }));
    const { id } = await rotate(world.deps, "billing", ana.actor, null);
    await approve(world.deps, id, ben);
    const again = { name: "oidc:ben", via: "oidc" as const, identities: ["oidc:ben", "slack:U0BEN"] };
    for (const person of [BEN, again])
      expect((await refusal(issue({ world, id }, person))).code).toBe("NOT_AN_APPROVER");
    const eve = { name: "slack:U0EVE", via: "slack" as const, identities: ["slack:U0EVE"] };
    expect((await issue({ world, id }, eve)).token).toHaveLength(43);
  });
});

describe("what the page is told", () => {
  it("what to create: a name with the day of the approval, the workspace and kind of the old key", async () => {
    const s = await scene();
    expect(await facts(s, (await issue(s)).token)).toMatchObject({
      rotation: s.id,
      target: "billing",
      outgoing: { name: "prod-billing" },
      suggestedName: "prod-billing-2026-11-20",
      nameRequired: false,
      workspaceId: "wrkspc_1",
      allWorkspaces: false,
      owner: "workspace",
      attemptsLeft: 5,
      newKeys: [],
    });
  });

  it("keys that appeared since the approval, newest first; the name stays the same once it is taken", async () => {
    const s = await scene();
    const { token } = await issue(s);
    s.world.org.addKey({ name: "archived", status: "archived" });
    s.world.org.addKey({ name: "before the old one", ageDays: 200 });
    s.world.org.addKey({ name: "a month old", ageDays: 30 });
    s.world.org.addKey({ name: "somebody's, elsewhere", workspaceId: "wrkspc_2" });
    s.world.org.addKey({ name: "first" });
    await s.world.clock.turn(SECOND);
    s.world.org.addKey({ name: "prod-billing-2026-11-20" });
    const { newKeys, suggestedName } = await facts(s, token);
    expect(newKeys?.map(({ name, sinceApproval }) => [name, sinceApproval])).toEqual([
      ["prod-billing-2026-11-20", true],
      ["first", true],
      ["a month old", false],
    ]);
    expect(suggestedName).toBe("prod-billing-2026-11-20");
    expect(JSON.stringify(newKeys)).not.toMatch(/sk-ant-api03-[A-Za-z0-9_-]{4,}/);
  });

  it("a key with the suggested name in another workspace is pointed out as a slip", async () => {
    const s = await scene();
    s.world.org.addKey({ name: "prod-billing-2026-11-20", workspaceId: "wrkspc_2" });
    const { newKeys } = await facts(s, (await issue(s)).token);
    expect(newKeys).toMatchObject([{ name: "prod-billing-2026-11-20", otherWorkspace: true }]);
  });

  it("a key of another open rotation is not offered", async () => {
    const s = await scene();
    s.world.setTarget("search", s.world.org.addKey({ name: "search-key", ageDays: 50 }));
    const before = await facts(s, (await issue(s)).token);
    expect(before.newKeys?.map((key) => key.name)).toEqual(["search-key"]);
    await rotate(s.world.deps, "search", ana.actor, null);
    await s.world.clock.turn(4 * SECOND);
    expect((await facts(s, (await issue(s)).token)).newKeys).toEqual([]);
  });

  it("asks the Admin API at most every 3 s for one rotation, however many pages poll", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const { admin } = s.world.deps;
    let lists = 0;
    const listKeys = admin.listKeys.bind(admin);
    admin.listKeys = (signal) => {
      lists++;
      return listKeys(signal);
    };
    await Promise.all(Array.from({ length: 20 }, () => facts(s, token)));
    expect(lists).toBe(1);
    await s.world.clock.turn(2999);
    await facts(s, token);
    expect(lists).toBe(1);
    await s.world.clock.turn(1);
    await facts(s, token);
    expect(lists).toBe(2);
  });

  it("P12: an Admin API that does not answer takes the hint away, not the page", async () => {
    const s = await scene();
    s.world.org.failsAfterPages = 0;
    expect(await facts(s, (await issue(s)).token)).toMatchObject({
      newKeys: null,
      suggestedName: "prod-billing-2026-11-20",
    });
  });

  it("P12: an Admin API that is slow holds no page up, and is not asked again meanwhile", async () => {
    const s = await scene();
    const { token } = await issue(s);
    s.world.org.addKey({ name: "seen" });
    expect((await facts(s, token)).newKeys).toHaveLength(1);
    await s.world.clock.turn(4 * SECOND);
    let lists = 0;
    s.world.deps.admin.listKeys = async function* () {
      lists++;
      await new Promise(() => undefined);
      yield [];
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      for (let i = 0; i < 3; i++) {
        const look = facts(s, token);
        await vi.advanceTimersByTimeAsync(2500);
        // What was seen before is better than nothing.
        expect((await look).newKeys).toHaveLength(1);
        await s.world.clock.turn(10 * SECOND);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(lists).toBe(1);
  });

  it("what is no token is unknown without asking Redis", async () => {
    const s = await scene();
    s.world.deps.links = { ...s.world.deps.links, look: () => Promise.reject(new Error("asked")) };
    for (const text of ["", "x", "a".repeat(44), `${"a".repeat(42)}{`, "__proto__"])
      expect(await lookAtLink(s.world.deps, text)).toMatchObject({ state: "unknown" });
  });
});

describe("suggested names", () => {
  const at = Date.UTC(2026, 10, 20, 23, 59);
  it.each([
    ["prod", "prod-2026-11-20"],
    ["prod-2026-08-01", "prod-2026-11-20"],
    ["prod-2026-08-01-2", "prod-2026-11-20"],
    ["prod-2026", "prod-2026-2026-11-20"],
  ])("%s becomes %s", (name, expected) => expect(datedName(name, at)).toBe(expected));

  it("a taken name gets the next free number", () => {
    expect(freeName("a", new Set())).toBe("a");
    expect(freeName("a", new Set(["a"]))).toBe("a-2");
    expect(freeName("a", new Set(["a", "a-2", "a-3"]))).toBe("a-4");
  });
});

describe("handing over by link", () => {
  it("accepts in the name of the link's person, and uses the link up", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const key = s.world.org.addKey({ name: "new" });
    expect(await submitByLink(s.world.deps, token, `${key.text}\n`, NO_CHOICE)).toMatchObject({
      state: "accepted",
      alreadyAccepted: false,
      rotation: { state: "verifying", submittedBy: "slack:U0BEN", replacement: { id: key.id } },
    });
    expect(await lookAtLink(s.world.deps, token)).toMatchObject({
      state: "used",
      handedOver: expect.stringMatching(/…|\.\.\./),
    });
  });

  it.each<{ trouble: string; cause: (w: World) => () => void; code: string }>([
    {
      trouble: "the Admin API away",
      code: "ADMIN_UNAVAILABLE",
      cause: ({ org }) => {
        org.failsAfterPages = 0;
        return () => (org.failsAfterPages = null);
      },
    },
    {
      trouble: "the secrets manager away",
      code: "STORE_UNAVAILABLE",
      cause: ({ deps }) => {
        const { stores } = deps;
        deps.stores = { ...stores, of: () => Promise.reject(new KeyturnError("STORE_UNAVAILABLE")) };
        return () => (deps.stores = stores);
      },
    },
    {
      trouble: "an error nobody foresaw",
      code: "INTERNAL",
      cause: ({ deps }) => {
        const { verifier } = deps;
        deps.verifier = { ...verifier, authenticate: () => Promise.reject(new TypeError("x")) };
        return () => (deps.verifier = verifier);
      },
    },
  ])(
    "P2, P12: $trouble uses up neither link nor attempt; the same key is accepted afterwards",
    async ({ cause, code }) => {
      const s = await scene();
      const { token } = await issue(s);
      const key = s.world.org.addKey({ name: "new" });
      const end = cause(s.world);
      expect(await submitByLink(s.world.deps, token, key.text, NO_CHOICE)).toMatchObject({
        state: "failed",
        error: { code },
      });
      end();
      expect(await facts(s, token)).toMatchObject({ attemptsLeft: 5 });
      expect(await submitByLink(s.world.deps, token, key.text, NO_CHOICE)).toMatchObject({ state: "accepted" });
    },
  );

  it("P2: when the reply was lost because we died after accepting, the same key is accepted again", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const key = s.world.org.addKey({ name: "new" });
    const { links } = s.world.deps;
    s.world.deps.links = { ...links, end: () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE")) };
    expect(await submitByLink(s.world.deps, token, key.text, NO_CHOICE)).toMatchObject({ state: "accepted" });
    s.world.deps.links = links;
    expect(await submitByLink(s.world.deps, token, key.text, NO_CHOICE)).toMatchObject({ state: "busy" });
    await s.world.clock.turn(5 * 60_000);
    expect(await submitByLink(s.world.deps, token, key.text, NO_CHOICE)).toMatchObject({
      state: "accepted",
      alreadyAccepted: true,
    });
  });

  it("a link does not replace a key that was accepted another way", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const first = s.world.org.addKey({ name: "first" });
    await submit(s.world.deps, s.id, first.text, ana.actor, NO_CHOICE);
    const second = s.world.org.addKey({ name: "second" });
    const asked = await submitByLink(s.world.deps, token, second.text, { ...NO_CHOICE, replace: true });
    expect(asked).toEqual({ state: "not_waiting" });
    expect((await s.world.rotation(s.id)).replacement?.id).toBe(first.id);
  });

  it("while somebody else's submission holds the rotation, the link waits unused", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const keys = [s.world.org.addKey({ name: "by command" }), s.world.org.addKey({ name: "by link" })] as const;
    const [one, two] = await Promise.allSettled([
      submit(s.world.deps, s.id, keys[0].text, ana.actor, NO_CHOICE),
      submitByLink(s.world.deps, token, keys[1].text, NO_CHOICE),
    ]);
    expect(one.status).toBe("fulfilled");
    expect(two).toMatchObject({ value: { state: expect.stringMatching(/failed|not_waiting/) } });
    expect((await s.world.deps.links.look(linkHashOf(token), s.world.clock.now())).state).toBe("open");
  });

  it("attempts are not spent on guesses of the key's text alone: five refusals end the link", async () => {
    const s = await scene();
    const { token } = await issue(s);
    const left: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const asked = await submitByLink(s.world.deps, token, makeKey(`guess ${i}`), NO_CHOICE);
      left.push(asked.state === "refused" ? asked.attemptsLeft : asked.state);
    }
    expect(left).toEqual([4, 3, 2, 1, 0, "exhausted"]);
  });
});
