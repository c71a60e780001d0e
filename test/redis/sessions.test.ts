import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session, Sessions } from "../../src/ports/sessions.ts";
import { createRedisSessions } from "../../src/redis/sessions.ts";
import { type Server, T0, jsCluster, jsServer } from "./harness.ts";

const HOUR = 3_600_000;
const aSession = (more: Partial<Session> = {}): Session => ({
  actor: { name: "oidc:ana", via: "oidc", identities: ["oidc:ana"], oidc: { subject: "ana", groups: [] } },
  csrf: "c",
  createdAt: T0,
  expiresAt: T0 + HOUR,
  by: "oidc:1",
  ...more,
});
let hashes = 0;
const aHash = (): string => String(++hashes).padStart(64, "0");

describe.each([
  { kind: "Redis", start: jsServer },
  { kind: "Redis Cluster", start: jsCluster },
])("sessions in $kind", ({ start }) => {
  let server: Server;
  let sessions: Sessions;
  beforeAll(async () => {
    server = await start();
    sessions = createRedisSessions({ redis: server.connect(), install: "kt" });
  });
  afterAll(() => server.stop());

  it("one is there until it expires or ends, for this installation alone", async () => {
    const hash = aHash();
    await sessions.start(hash, aSession());
    expect(await sessions.look(hash, T0 + HOUR - 1)).toEqual(aSession());
    expect(await sessions.look(hash, T0 + HOUR)).toBeNull();
    const other = createRedisSessions({ redis: server.connect(), install: "other" });
    expect(await other.look(hash, T0)).toBeNull();
    await sessions.end(hash);
    await sessions.end(hash);
    expect(await sessions.look(hash, T0)).toBeNull();
  });

  it("Redis forgets by itself: sessions after their time, sign-ins after theirs, words after five minutes", async () => {
    const redis = server.connect();
    const hash = aHash();
    await sessions.start(hash, aSession());
    await sessions.say(hash, { ok: true, text: "done" });
    const checks = { state: "s", nonce: "n", verifier: "v" };
    await sessions.beginLogin(hash, { checks, returnTo: "/", expiresAt: T0 + 600_000 }, T0);
    for (const [name, most] of [
      ["session", HOUR],
      ["login", 600_000],
      ["session-word", 300_000],
    ] as const) {
      const ttl = await redis.pttl(`{kt}:${name}:${hash}`);
      expect(ttl).toBeLessThanOrEqual(most);
      expect(ttl).toBeGreaterThan(most - 60_000);
    }
  });

  it("a word is heard once, the last one only, and not after the session ended", async () => {
    const hash = aHash();
    await sessions.start(hash, aSession());
    await sessions.say(hash, { ok: true, text: "first" });
    await sessions.say(hash, { ok: false, text: "second" });
    expect(await sessions.hear(hash)).toEqual({ ok: false, text: "second" });
    expect(await sessions.hear(hash)).toBeNull();
    await sessions.say(hash, { ok: true, text: "third" });
    await sessions.end(hash);
    await sessions.say(hash, { ok: true, text: "fourth" });
    expect(await sessions.hear(hash)).toBeNull();
  });

  it("of several callbacks at once one gets the sign-in, and none after its time", async () => {
    const hash = aHash();
    const login = { checks: { state: "s", nonce: "n", verifier: "v" }, returnTo: "/x", expiresAt: T0 + 1000 };
    await sessions.beginLogin(hash, login, T0);
    const taken = await Promise.all([1, 2, 3, 4].map(() => sessions.takeLogin(hash, T0)));
    expect(taken.filter((each) => each !== null)).toEqual([login]);
    await sessions.beginLogin(hash, login, T0);
    expect(await sessions.takeLogin(hash, T0 + 1000)).toBeNull();
    expect(await sessions.takeLogin(hash, T0)).toBeNull();
  });
});
