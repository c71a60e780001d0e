import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectRedis } from "../../src/redis/connect.ts";
import type { RedisSettings } from "../../src/redis/settings.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { type Topology, startCluster, startSentinel } from "../support/redis-topology.ts";

type Change = (settings: RedisSettings, at: Topology) => RedisSettings;
interface Wrong {
  what: string;
  change: Change;
  /** What the sentence names. */
  says: RegExp;
  next: RegExp;
}

const tls =
  (more: object): Change =>
  (settings) => ({ ...settings, tls: { ...(settings.tls as object), ...more } });
const COMMON: Wrong[] = [
  {
    what: "a wrong password",
    change: (s) => ({ ...s, password: "canary" }),
    says: /WRONGPASS/,
    next: /redis\.password/,
  },
  { what: "no password", change: (s) => ({ ...s, password: undefined }), says: /NOAUTH/, next: /redis\.password/ },
  {
    what: "another authority",
    change: (s, at) => tls({ ca: at.certificates?.otherCa })(s, at),
    says: /SIGNATURE|SELF_SIGNED|ISSUER/,
    next: /redis\.tls\.ca/,
  },
  {
    what: "no authority",
    change: tls({ ca: undefined }),
    says: /SIGNATURE|SELF_SIGNED|ISSUER/,
    next: /redis\.tls\.ca/,
  },
  {
    what: "a name that the certificate does not carry",
    change: tls({ serverName: "other.test" }),
    says: /ERR_TLS_CERT_ALTNAME_INVALID/,
    next: /redis\.tls\.serverName/,
  },
  {
    what: "no TLS",
    change: (s) => ({ ...s, tls: undefined }),
    says: /ECONNRESET|EPIPE|closed the connection/,
    next: /redis\.tls/,
  },
];
const SENTINEL: Wrong[] = [
  ...COMMON,
  {
    what: "no password of the Sentinels",
    change: (s) => ({ ...s, sentinels: { master: "main", nodes: s.sentinels?.nodes ?? [] } }),
    says: /NOAUTH/,
    next: /redis\.sentinels\.password/,
  },
  {
    what: "a master's name that no Sentinel knows",
    change: (s) => ({ ...s, sentinels: { ...(s.sentinels ?? { nodes: [] }), master: "other" } }),
    says: /no Sentinel knows a master "other"/,
    next: /redis\.sentinels\.master/,
  },
  {
    what: "a wrong password of the Sentinels",
    change: (s) => ({ ...s, sentinels: { ...(s.sentinels ?? { master: "", nodes: [] }), password: "canary" } }),
    says: /WRONGPASS/,
    next: /redis\.sentinels\.password/,
  },
];

describe.each([
  { name: "Sentinel", start: startSentinel, wrong: SENTINEL },
  { name: "Cluster", start: startCluster, wrong: COMMON },
])("wrong settings of a Redis $name are one sentence each", ({ start, wrong }) => {
  let at: Topology;
  beforeAll(async () => {
    at = await start({ password: true, tls: ["DNS:redis.test"] });
  });
  afterAll(() => at.stop());

  it("the right ones connect", async () => {
    const { client, disconnect } = await connectRedis(at.settings, { role: "producer" });
    expect(await client.set("{keyturn}:x", "1")).toBe("OK");
    disconnect();
  });

  it.each(wrong)("$what", async ({ change, says, next }) => {
    const error = await connectRedis(change(at.settings, at), { role: "producer" }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof KeyturnError)) throw new Error("it connected");
    expect(error).toMatchObject({ code: "REDIS_UNAVAILABLE", exit: 69 });
    expect(error.message).toMatch(says);
    expect(error.next).toMatch(next);
    expect(`${error.message} ${error.next} ${error.stack}`).not.toContain("canary");
    expect(error.message.split("\n")).toHaveLength(1);
  });
});
