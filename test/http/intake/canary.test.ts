import { afterEach, describe, expect, it } from "vitest";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { type Canary, type Trace, findings } from "../../canary/search.ts";
import { drives } from "../../support/drives.ts";
import { makeKey } from "../../support/keys.ts";
import { FROM_US, type Visit, framed, visit, waiting } from "./kit.ts";

const start = drives();
const visits: Visit[] = [];
afterEach(() => Promise.all(visits.splice(0).map((v) => v.close())));

/** Errors and their causes included, as no log formatter would leave them out. */
const whole = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part instanceof Error
      ? {
          ...Object.fromEntries(Object.entries(part)),
          name: part.name,
          message: part.message,
          stack: part.stack,
          cause: part.cause,
        }
      : part,
  );

describe("P3: what is pasted into the page shows nowhere", () => {
  it("refused in every way, or accepted: not in answers, logs, the audit log or Redis; nor does a link's token", async () => {
    const d = await start();
    const { id, token } = await waiting(d);
    const v = await visit(d.deps);
    visits.push(v);
    const canaries: Canary[] = [{ name: "token", text: token }];
    const canary = (name: string): string => {
      const text = makeKey(`canary of ${name}`);
      canaries.push({ name, text });
      return text;
    };
    const octets = { "content-type": "application/octet-stream", ...FROM_US };
    const json = { "content-type": "application/json", ...FROM_US };

    await v.hand(token, canary("an unknown key"));
    await v.hand(token, `KEY=${canary("an assignment")}`);
    await v.hand(token, `${canary("a first line")}\n${canary("a second line")}`);
    await v.post("/intake", canary("no frame"), octets);
    await v.post("/intake", `${canary("not JSON")}\n${canary("after it")}`, octets);
    await v.post("/intake", `{"token":"${canary("as token")}"}\nx`, octets);
    await v.post("/intake/look", canary("a look"), json);
    await v.post("/intake/look", `{"token":"${canary("a looked-up token")}"}`, json);
    await v.post("/intake", framed(token, canary("a foreign page")), { ...octets, origin: "https://evil.example" });
    await v.post(`/intake?key=${canary("a query")}`, framed(token, "x"), octets);
    await v.get(`/intake?${canary("a page's query")}`);
    await v.get(`/intake/${canary("a path")}`);
    await v.hand(token, Buffer.from(`${canary("with a NUL")}\0`));
    await v.hand(token, canary("too long").repeat(60));
    const { stores, rotations } = d.deps;
    const text = canary("an error of ours");
    d.deps.rotations = { ...rotations, load: () => Promise.reject(new Error(`load failed: ${text}`)) };
    await v.hand(token, text);
    d.deps.rotations = rotations;
    const { links } = d.deps;
    const quoted = canary("an error of our storage");
    d.deps.links = { ...links, begin: () => Promise.reject(new Error(`cannot begin: ${quoted}`)) };
    await v.hand(token, quoted);
    d.deps.links = links;
    const made = await d.make();
    canaries.push({ name: "the accepted key", text: made.secret });
    d.deps.stores = { ...stores, of: () => Promise.reject(new KeyturnError("STORE_UNAVAILABLE")) };
    expect((await v.hand(token, made.secret)).says.state).toBe("failed");
    d.deps.stores = stores;
    expect((await v.hand(token, made.secret)).says.state).toBe("accepted");
    await v.hand(token, canary("a used link"));

    const inRedis: Trace = { where: "the record", bytes: Buffer.from(whole(await d.load(id))) };
    const traces: Trace[] = [
      ...v.traces,
      ...d.log.lines.map((line) => ({ where: `log ${String(line.fields["event"])}`, bytes: Buffer.from(whole(line)) })),
      { where: "the audit log", bytes: Buffer.from(whole(await d.audit())) },
      inRedis,
    ];
    expect(canaries).toHaveLength(21);
    // The search itself finds what is there.
    expect(findings(canaries, [{ where: "here", bytes: Buffer.from(`…${made.secret}…`) }])).toHaveLength(1);
    expect(findings(canaries, traces)).toEqual([]);
  });
});
